// SPDX-License-Identifier: MIT
/** Whether the kernel of a finished image has what a feature of the table needs. */
import { type NeedsTable, splitOption } from "./needs.js";

/** Of a manifest what is read here. */
interface ImageKernel {
  readonly base?: "special" | "generic" | undefined;
  readonly options?: readonly { readonly name: string }[] | undefined;
}

/** The options that are not there, with CONFIG_. The generic kernel has those of every feature. */
export function lackingOptions(
  { needs }: NeedsTable,
  { base, options = [] }: ImageKernel,
  feature: string,
): readonly string[] {
  if (base !== "special") return [];
  const present = new Set(options.map(({ name }) => name));
  return needs
    .filter(({ features }) => features?.includes(feature))
    .flatMap((need) => need.options)
    .map((text) => `CONFIG_${splitOption(text)[0]}`)
    .filter((name) => !present.has(name));
}
