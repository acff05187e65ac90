// SPDX-License-Identifier: MIT
/** What each option of `build` and `run` means for each kind of target: it counts, or is refused with the reason. */
import { configurationSchema, type ResolvedConfiguration } from "./config/schema.js";
import { UklError } from "./errors.js";
import type { BuildFlags } from "./flags.js";
import { formatCommand } from "./host/exec.js";

/** An image has been built; the others are about to be. */
export const targetKinds = ["sources", "executable", "package", "container", "image"] as const;
export type TargetKind = (typeof targetKinds)[number];

export interface OptionRule {
  /** As it is written on a command line; `config` has no leaf of its own. */
  readonly option: string;
  /** Where the configuration has it. */
  readonly leaf?: string;
  /** Where it counts. */
  readonly kinds: readonly TargetKind[];
  /** Why not elsewhere. An image has a reason of its own. */
  readonly because?: string;
}

const built = ["sources", "executable", "package", "container"] as const;
const notLinked = {
  kinds: ["sources"],
  because: "only sources, objects and archives are compiled and linked",
} as const;

/** By the names that commander gives to options. */
export const optionRules = {
  config: { option: "--config", kinds: targetKinds },
  as: { option: "--as", kinds: ["executable"], because: "only projects are of a kind" },
  plan: { option: "--plan", kinds: [], because: "only projects are planned" },
  pull: { option: "--pull", leaf: "pull", kinds: ["package"], because: "only packages are fetched" },
  unpackLimit: {
    option: "--unpack-limit",
    leaf: "unpackLimit",
    kinds: ["package", "container"],
    because: "only packages and container images are unpacked",
  },
  name: { option: "--name", leaf: "name", kinds: built },
  mode: { option: "--mode", leaf: "mode", kinds: targetKinds },
  bind: { option: "--no-bind", leaf: "bind", kinds: built },
  shortcuts: { option: "--shortcuts", leaf: "shortcuts", kinds: built },
  library: { option: "-l", leaf: "libraries", ...notLinked },
  libraryPath: { option: "-L", leaf: "libraryPaths", ...notLinked },
  cc: { option: "--cc", leaf: "compiler", ...notLinked },
  cflag: { option: "--cflag", leaf: "compileFlags", ...notLinked },
  ldflag: { option: "--ldflag", leaf: "linkFlags", ...notLinked },
  workdir: { option: "-w", leaf: "workingDirectory", kinds: built },
  user: { option: "-u", leaf: "user", kinds: targetKinds },
  env: { option: "-e", leaf: "env", kinds: targetKinds },
  include: { option: "--include", leaf: "files.include", kinds: targetKinds },
  ring0: { option: "--ring0", leaf: "ring0.programs", kinds: built },
  mask: { option: "--mask", leaf: "mask.default", kinds: built },
  maskCall: { option: "--mask-call", leaf: "mask.calls", kinds: built },
  maskFrom: { option: "--mask-from", leaf: "mask.from", kinds: built },
  kernel: { option: "--kernel", leaf: "kernel.base", kinds: built },
  kernelSource: { option: "--kernel-source", leaf: "kernel.source", kinds: built },
  kernelOption: { option: "--kernel-option", leaf: "kernel.options", kinds: built },
  kernelSymbol: {
    option: "--kernel-symbol",
    leaf: "kernel.symbols",
    kinds: ["sources"],
    because: "a program that is linked already cannot be linked with the kernel",
  },
  memory: { option: "-m", leaf: "run.memory", kinds: targetKinds },
  smp: { option: "--smp", leaf: "run.cpus", kinds: targetKinds },
  port: { option: "-p", leaf: "run.ports", kinds: targetKinds },
  net: { option: "--net", leaf: "run.net", kinds: targetKinds },
  volume: { option: "-v", leaf: "run.volumes", kinds: targetKinds },
  disk: { option: "--disk", leaf: "run.disks", kinds: targetKinds },
  hostname: { option: "--hostname", leaf: "run.hostname", kinds: targetKinds },
  ulimit: { option: "--ulimit", leaf: "run.ulimits", kinds: targetKinds },
} as const satisfies Record<keyof BuildFlags, OptionRule>;

type OptionName = keyof typeof optionRules;

const nouns: Readonly<Record<Exclude<TargetKind, "image">, string>> = {
  sources: "made of sources, objects and archives",
  executable: "an executable or a script",
  package: "a Debian package",
  container: "a container image",
};

export interface GivenTarget {
  readonly kind: TargetKind;
  /** What messages call it. */
  readonly name: string;
}

/** Throws UKL-101 for the first option of the command line that does not count for such a target. */
export function checkOptions(flags: Partial<BuildFlags>, { kind, name }: GivenTarget): void {
  for (const key of Object.keys(optionRules) as OptionName[]) {
    const { option, kinds, because }: OptionRule = optionRules[key];
    const value = flags[key];
    if (!isGiven(key, value) || kinds.includes(kind)) continue;
    const words = wordsOf(option, value);
    const rebuilt = formatCommand({ tool: "ukl", args: ["build", "TARGET", ...words] });
    throw new UklError("UKL-101", {
      what: `${option} does not count for ${name}`,
      cause:
        kind === "image"
          ? `it is an image, and ${option} is for the time when one is built`
          : `it is ${nouns[kind]}, and ${because}`,
      fix: kind === "image" ? `build another one: ${rebuilt}` : `leave out ${option}`,
    });
  }
}

/**
 * Throws UKL-101. In classic mode both options are without a meaning too, as all is that concerns ring 0; but the same
 * words in either mode are how two images are compared.
 */
export function checkBinding({ bind, shortcuts }: Pick<BuildFlags, "bind" | "shortcuts">): void {
  if (bind || shortcuts !== true) return;
  throw new UklError("UKL-101", {
    what: "--shortcuts does not count with --no-bind",
    cause: "shortcuts are taken by system calls that became calls, and --no-bind leaves none",
    fix: "leave out one of them",
  });
}

/**
 * The same for what a configuration file has. What counts in a build says nothing of a run of an image that is there,
 * whose configuration this may have been. Throws UKL-112.
 */
export function checkConfiguration(
  file: string,
  configuration: ResolvedConfiguration,
  { kind, name }: GivenTarget,
): void {
  if (kind === "image") return;
  for (const { leaf, kinds, because } of Object.values(optionRules) as readonly OptionRule[]) {
    if (leaf === undefined || kinds.includes(kind) || !isSet(configuration, leaf)) continue;
    throw new UklError("UKL-112", {
      what: `${file} has a value that does not count`,
      cause: `${leaf}: ${name} is ${nouns[kind]}, and ${because}`,
      fix: `leave out ${leaf}, or name another target`,
    });
  }
}

/** What a configuration has that says nothing of an image that is there. */
export function onlyForBuilds(configuration: ResolvedConfiguration): readonly string[] {
  return (Object.values(optionRules) as readonly OptionRule[]).flatMap(({ leaf, kinds }) =>
    leaf !== undefined && !kinds.includes("image") && isSet(configuration, leaf) ? [leaf] : [],
  );
}

/** Commander has an empty list, and true for `--no-bind`, where nobody said anything. */
function isGiven(key: OptionName, value: BuildFlags[OptionName]): boolean {
  if (key === "bind") return value === false;
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

function wordsOf(option: string, value: unknown): readonly string[] {
  if (typeof value === "boolean") return [option];
  return (Array.isArray(value) ? value : [value]).flatMap((word) => [option, String(word)]);
}

const defaults = configurationSchema.parse({});

/** Whether it is another value than what nobody has to write. */
export function isSet(configuration: ResolvedConfiguration, leaf: string): boolean {
  const [value, usual] = [valueAt(configuration, leaf), valueAt(defaults, leaf)];
  return JSON.stringify(value) !== JSON.stringify(usual);
}

function valueAt(value: unknown, leaf: string): unknown {
  return leaf
    .split(".")
    .reduce<unknown>(
      (object, key) => (typeof object === "object" && object !== null ? Reflect.get(object, key) : undefined),
      value,
    );
}
