// SPDX-License-Identifier: MIT
/**
 * Kernel configuration: fragments over tinyconfig.
 *
 * Kconfig drops an option whose dependencies are not met without a word, so what was asked is compared
 * with what came out.
 */
import { readFile } from "node:fs/promises";
import { UklError } from "../errors.js";
import { packageFile } from "../host/places.js";

export type Mode = "unikernel" | "classic";

/** Option name without CONFIG_ → value as .config writes it; "n" for an option that is not set. */
export type Options = ReadonlyMap<string, string>;

/** The fragments of a generic kernel for one mode, later ones winning, with `extra` last. */
export async function wantedOptions(
  mode: Mode,
  extra: Readonly<Record<string, string | number>>,
): Promise<Options> {
  const options = new Map<string, string>();
  for (const fragment of ["base", "generic", mode]) {
    const text = await readFile(packageFile("kernel", "config", `${fragment}.config`), "utf8");
    for (const [name, value] of parseConfiguration(text)) options.set(name, value);
  }
  for (const [name, value] of Object.entries(extra)) {
    const plain = /^(?:[ynm]|\d+|0x[\da-fA-F]+)$/.test(String(value));
    options.set(name.replace(/^CONFIG_/, ""), plain ? String(value) : JSON.stringify(value));
  }
  return options;
}

/** Reads a fragment or a .config. */
export function parseConfiguration(text: string): Options {
  const options = new Map<string, string>();
  for (const line of text.split("\n")) {
    const set = /^CONFIG_(\w+)=(.*)$/.exec(line);
    const unset = /^# CONFIG_(\w+) is not set$/.exec(line);
    if (set?.[1] !== undefined && set[2] !== undefined) options.set(set[1], set[2]);
    else if (unset?.[1] !== undefined) options.set(unset[1], "n");
  }
  return options;
}

/** The lines to append to a .config, in a stable order. */
export function renderOptions(options: Options): string {
  return [...options]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => (value === "n" ? `# CONFIG_${name} is not set\n` : `CONFIG_${name}=${value}\n`))
    .join("");
}

/** Compares what was asked with what Kconfig made of it. Throws UKL-304 naming every lost option. */
export function checkOptionsStuck(wanted: Options, got: Options): void {
  const lost = [...wanted].filter(([name, value]) => (got.get(name) ?? "n") !== value);
  if (lost.length === 0) return;
  const list = lost.map(([name, value]) => `CONFIG_${name}=${value} became ${got.get(name) ?? "n"}`);
  throw new UklError("UKL-304", {
    what: `Kconfig did not accept ${lost.length === 1 ? "an option" : `${lost.length} options`}`,
    cause: list.join("; "),
    fix: "set what the option depends on as well, or leave it out; 'make menuconfig' shows its dependencies",
  });
}
