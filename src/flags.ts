// SPDX-License-Identifier: MIT
/** From the words of a command line to a configuration. */
import { stat } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { disksOf, volumesOf } from "./attachment-flags.js";
import { loadConfiguration } from "./config/load.js";
import { mergeFlags } from "./config/merge.js";
import type { ConfigurationFlags, ResolvedConfiguration } from "./config/schema.js";
import { UklError } from "./errors.js";
import { readStart } from "./host/files.js";
import { findProgram } from "./host/programs.js";

type MaskFlags = NonNullable<ConfigurationFlags["mask"]>;

/** Options of `build` and `run` as commander gives them. */
export interface BuildFlags {
  readonly config?: string;
  readonly pull?: true;
  readonly unpackLimit?: string;
  readonly name?: string;
  readonly mode?: "unikernel" | "classic";
  /** False with --no-bind, otherwise true. */
  readonly bind: boolean;
  readonly shortcuts?: true;
  readonly library: readonly string[];
  readonly libraryPath: readonly string[];
  readonly cc?: string;
  readonly cflag: readonly string[];
  readonly ldflag: readonly string[];
  readonly user?: string;
  readonly env: readonly string[];
  readonly include: readonly string[];
  readonly ring0: readonly string[];
  readonly mask?: MaskFlags["default"];
  readonly maskCall: readonly string[];
  readonly maskFrom?: string;
  readonly kernel?: "special" | "generic";
  readonly kernelSource?: string;
  readonly kernelOption: readonly string[];
  readonly kernelSymbol: readonly string[];
  readonly memory?: string;
  readonly smp?: number;
  readonly port: readonly string[];
  readonly net?: string;
  readonly hostname?: string;
  readonly ulimit: readonly string[];
  readonly volume: readonly string[];
  readonly disk: readonly string[];
}

const linkInputs = new Set([".c", ".cc", ".cpp", ".cxx", ".S", ".s", ".o", ".a"]);
const defaultFiles = ["ukl.config.ts", "ukl.config.json"];

/**
 * Joins the configuration file, named or found in the current directory, with the flags; these win.
 * `programArguments` is what follows `--`. Throws UKL-101 and UKL-110 to UKL-112.
 */
export async function readConfiguration(
  targets: readonly string[],
  flags: BuildFlags,
  programArguments: readonly string[] | undefined,
): Promise<ResolvedConfiguration> {
  const file = flags.config ?? (targets.length === 0 ? await findConfiguration() : undefined);
  const configuration = file === undefined ? undefined : await loadConfiguration(file);
  return mergeFlags(configuration, {
    ...(await chooseTarget(targets)),
    name: flags.name,
    pull: flags.pull,
    unpackLimit: flags.unpackLimit,
    mode: flags.mode,
    bind: flags.bind ? undefined : false,
    shortcuts: flags.shortcuts,
    compiler: flags.cc,
    libraries: [...flags.library],
    libraryPaths: flags.libraryPath.map((path) => resolve(path)),
    compileFlags: [...flags.cflag],
    linkFlags: [...flags.ldflag],
    user: flags.user,
    args: programArguments === undefined ? undefined : [...programArguments],
    env: pairs(flags.env, "-e NAME=VALUE"),
    files: { include: includesOf(flags.include) },
    mask: {
      default: flags.mask,
      // That each is a policy is checked with the rest of the configuration.
      calls: pairs(flags.maskCall, "--mask-call NAME=POLICY") as MaskFlags["calls"],
      from: flags.maskFrom,
    },
    ring0: { programs: [...flags.ring0] },
    kernel: {
      base: flags.kernel,
      source: flags.kernelSource,
      options: pairs(flags.kernelOption, "--kernel-option CONFIG_NAME=VALUE"),
      symbols: [...flags.kernelSymbol],
    },
    run: {
      memory: flags.memory,
      cpus: flags.smp,
      ports: flags.port.length === 0 ? undefined : [...flags.port],
      net: flags.net,
      ...machineFlags(flags),
      ...attachmentFlags(flags),
    },
  });
}

/** The name and the limits of the machine of an image that is there. Throws UKL-101. */
export function readMachine(flags: BuildFlags): Pick<ResolvedConfiguration["run"], "hostname" | "ulimits"> {
  return mergeFlags(undefined, { run: machineFlags(flags) }).run;
}

function machineFlags({ hostname, ulimit }: BuildFlags) {
  return { hostname, ulimits: pairs(ulimit, "--ulimit NAME=SOFT[:HARD]") };
}

/** The volumes and disks for an image that is there. Throws UKL-101. */
export function readAttachments(flags: BuildFlags): Pick<ResolvedConfiguration["run"], "volumes" | "disks"> {
  return mergeFlags(undefined, { run: attachmentFlags(flags) }).run;
}

function attachmentFlags({ volume, disk }: BuildFlags) {
  return { volumes: volumesOf(volume), disks: disksOf(disk) };
}

/** `GUEST=HOST` words; of a path alone it is the same in the guest. */
function includesOf(words: readonly string[]): Record<string, string> {
  return pairs(
    words.map((word) => (word.includes("=") || word === "" ? word : `${resolve(word)}=${word}`)),
    "--include [GUEST=]HOST",
  );
}

/** `NAME=VALUE` words as an object. Throws UKL-101. */
export function pairs(words: readonly string[], usage: string): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const equals = word.indexOf("=");
      if (equals > 0) return [word.slice(0, equals), word.slice(equals + 1)];
      throw new UklError("UKL-101", {
        what: `'${word}' is not understood`,
        cause: "there is no '=' with a name in front of it",
        fix: `write ${usage}`,
      });
    }),
  );
}

/** One word that is no source, object or archive names a program or its container; others are a list of inputs. */
async function chooseTarget(
  targets: readonly string[],
): Promise<Pick<ConfigurationFlags, "inputs" | "program" | "package" | "image">> {
  const [first, ...others] = targets;
  if (first === undefined) return {};
  if (others.length === 0 && first.startsWith("package:")) return { package: first.slice("package:".length) };
  if (others.length === 0 && (await isContainer(first))) return { image: first };
  if (others.length === 0 && !linkInputs.has(extname(first))) return { program: await findProgram(first) };
  return { inputs: [...targets] };
}

/** By what it says of itself, or by content: a layout directory, or a tar archive. */
async function isContainer(path: string): Promise<boolean> {
  if (/^(?:oci|oci-archive|docker-archive):/.test(path)) return true;
  const status = await stat(path).catch(() => undefined);
  if (status?.isDirectory())
    return (await stat(join(path, "oci-layout")).catch(() => undefined)) !== undefined;
  return status?.isFile() === true && isTar(await readStart(path, tarMagic.offset + tarMagic.text.length));
}

/** POSIX.1-2001, ustar interchange format. */
const tarMagic = { offset: 257, text: "ustar" } as const;

function isTar(start: Uint8Array): boolean {
  return Buffer.from(start.subarray(tarMagic.offset)).toString("latin1") === tarMagic.text;
}

async function findConfiguration(): Promise<string | undefined> {
  for (const name of defaultFiles) {
    if ((await stat(name).catch(() => undefined))?.isFile()) return name;
  }
  return undefined;
}
