// SPDX-License-Identifier: MIT
/** Whether the kernel of a finished image has what a feature of the table needs. */
import { type NeedsTable, splitOption } from "./needs.js";

/** Of a manifest what is read here. */
interface ImageKernel {
  readonly base?: "special" | "generic" | undefined;
  readonly options?: readonly { readonly name: string }[] | undefined;
}

/** With CONFIG_. The generic kernel has the options of every feature. */
export function hasOption({ base, options = [] }: ImageKernel, option: string): boolean {
  return base !== "special" || options.some(({ name }) => name === option);
}

/** The options that are not there, with CONFIG_. */
export function lackingOptions(
  { needs }: NeedsTable,
  kernel: ImageKernel,
  feature: string,
): readonly string[] {
  return needs
    .filter(({ features }) => features?.includes(feature))
    .flatMap((need) => need.options)
    .map((text) => `CONFIG_${splitOption(text)[0]}`)
    .filter((name) => !hasOption(kernel, name));
}
