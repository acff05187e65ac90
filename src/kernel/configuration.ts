// SPDX-License-Identifier: MIT
/**
 * Kernel configuration: fragments over tinyconfig.
 *
 * Kconfig drops an option whose dependencies are not met without a word, so what was asked is compared
 * with what came out.
 */
import { readFile } from "node:fs/promises";
import { UklError } from "../errors.js";
import { run } from "../host/exec.js";
import { packageFile } from "../host/places.js";
import { nearest } from "../nearest.js";

type Mode = "unikernel" | "classic";

/** Option name without CONFIG_ → value as .config writes it; "n" for an option that is not set. */
export type Options = ReadonlyMap<string, string>;

export interface ConfigurationRequest {
  readonly mode: Mode;
  /** `generic` has what programs of all kinds ask for, `special` what `settings` say. Default: `generic`. */
  readonly base?: "generic" | "special";
  /** Over the fragments. Undefined: as Kconfig has it. */
  readonly settings?: ReadonlyMap<string, string | undefined>;
  /** The user's, over all others; named with CONFIG_. */
  readonly options?: Readonly<Record<string, string | number>>;
}

/** The fragments of a kernel for one mode, later ones winning, and what goes over them. */
export async function wantedOptions({
  mode,
  base = "generic",
  settings = new Map(),
  options: own = {},
}: ConfigurationRequest): Promise<Options> {
  const options = new Map<string, string>();
  for (const fragment of ["base", ...(base === "generic" ? ["generic"] : []), mode]) {
    const text = await readFile(packageFile("kernel", "config", `${fragment}.config`), "utf8");
    for (const [name, value] of parseConfiguration(text)) options.set(name, value);
  }
  for (const [name, value] of settings) {
    if (value === undefined) options.delete(name);
    else options.set(name, value);
  }
  for (const [name, value] of Object.entries(own)) {
    const plain = /^(?:[ynm]|\d+|0x[\da-fA-F]+)$/.test(String(value));
    options.set(name.replace(/^CONFIG_/, ""), plain ? String(value) : JSON.stringify(value));
  }
  return options;
}

/** Throws UKL-308 for a name that no Kconfig file of the kernel source has. */
export async function checkOptionsExist(names: readonly string[], sourceDirectory: string): Promise<void> {
  if (names.length === 0) return;
  const search = ["-rhoE", "--include=Kconfig*", "^[[:space:]]*(menu)?config[[:space:]]+[A-Za-z0-9_]+"];
  const { stdout } = await run({ tool: "grep", args: [...search, "."], cwd: sourceDirectory });
  const known = new Set(stdout.split("\n").map((line) => line.trim().replace(/^\w+\s+/, "")));
  const unknown = names.map((name) => name.replace(/^CONFIG_/, "")).find((name) => !known.has(name));
  if (unknown === undefined) return;
  const [meant] = nearest(unknown, [...known]);
  throw new UklError("UKL-308", {
    what: `the kernel has no option CONFIG_${unknown}`,
    cause: "none of its Kconfig files names it",
    fix: `did you mean CONFIG_${meant?.candidate}? Options are set by kernel.options and --kernel-option`,
  });
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
