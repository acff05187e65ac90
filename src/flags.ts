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
import { findImage } from "./image.js";
import {
  checkBinding,
  checkConfiguration,
  checkOptions,
  type GivenTarget,
  onlyForBuilds,
} from "./option-rules.js";
import { configurationIn, configurationOfProject, isProject } from "./project-target.js";
import type { Plan } from "./projects/plan.js";
import { planProject } from "./projects/recognise.js";

type MaskFlags = NonNullable<ConfigurationFlags["mask"]>;

/** Options of `build` and `run` as commander gives them. */
export interface BuildFlags {
  readonly config?: string;
  readonly as?: string;
  readonly plan?: true;
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
  readonly workdir?: string;
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

/** Options of commands that start machines, as commander gives them; the configuration has a place for them too. */
export interface MachineFlags extends BuildFlags {
  readonly accel?: "auto" | "kvm" | "tcg";
  readonly timeout?: number;
}

/**
 * Joins the configuration file, named or found in the current directory, with the flags; these win.
 * `programArguments` is what follows `--`. Throws UKL-101 and UKL-110 to UKL-112, also for what does not count for
 * such a target, and UKL-210 for an image.
 */
export async function readConfiguration(
  targets: readonly string[],
  flags: MachineFlags,
  programArguments: readonly string[] | undefined,
): Promise<ResolvedConfiguration> {
  const project = await projectOf(targets, flags);
  const file =
    flags.config ?? project?.configuration ?? (targets.length === 0 ? await configurationIn(".") : undefined);
  const configuration = file === undefined ? undefined : await loadConfiguration(file);
  const planned = project?.plan && (await configurationOfProject(project.plan));
  const merged = mergeFlags(planned === undefined ? configuration : joinProject(planned, configuration), {
    ...(project === undefined ? await chooseTarget(targets) : {}),
    ...configurationFlags(flags, programArguments && [...(planned?.args ?? []), ...programArguments]),
  });
  const target = targetOf(merged);
  if (target === undefined) return merged;
  if (merged.program !== undefined) await refuseImage(merged.program);
  checkOptions(flags, target);
  checkBinding(flags);
  if (file !== undefined) checkConfiguration(file, merged, target);
  return merged;
}

/** What is written for a project is laid over what follows from its plan. */
function joinProject(
  planned: ResolvedConfiguration,
  written: ResolvedConfiguration | undefined,
): ResolvedConfiguration {
  if (written === undefined) return planned;
  const args = written.args.length > 0 ? written.args : planned.args;
  return mergeFlags(planned, { ...written, args });
}

/** The plan of the one target. Throws UKL-101 where it is no project, and UKL-240 to UKL-242. */
export async function readPlan(targets: readonly string[], flags: BuildFlags): Promise<Plan> {
  const project = await projectOf(targets, flags);
  if (project?.plan !== undefined) return project.plan;
  throw new UklError("UKL-101", {
    what: "--plan does not count here",
    cause:
      project === undefined
        ? `${targets[0] ?? "what the configuration names"} is no project`
        : `${project.configuration} says what is built`,
    fix: "leave out --plan",
  });
}

/** Undefined for other targets. A directory's own configuration stands for a plan. Throws UKL-101 and UKL-240 to UKL-242. */
async function projectOf(
  targets: readonly string[],
  { config, as }: Pick<BuildFlags, "config" | "as">,
): Promise<{ readonly plan?: Plan; readonly configuration?: string } | undefined> {
  const [first, ...others] = targets;
  if (first === undefined || others.length > 0 || (await isContainer(first)) || !(await isProject(first))) {
    if (as === undefined) return undefined;
    throw new UklError("UKL-101", {
      what: "--as does not count here",
      cause: `${first ?? "what the configuration names"} is no project`,
      fix: "leave out --as",
    });
  }
  const configuration = config === undefined && as === undefined ? await configurationIn(first) : undefined;
  return configuration === undefined ? { plan: await planProject(first, as) } : { configuration };
}

/** For an image that is there: what is said of its run, and what a configuration file says of builds alone. */
export async function readRunConfiguration(
  image: string,
  flags: MachineFlags,
  programArguments: readonly string[] | undefined,
): Promise<{ readonly configuration: ResolvedConfiguration; readonly unused: readonly string[] }> {
  checkOptions(flags, { kind: "image", name: image });
  const file = flags.config === undefined ? undefined : await loadConfiguration(flags.config);
  return {
    configuration: mergeFlags(file, configurationFlags(flags, programArguments)),
    unused: file === undefined ? [] : onlyForBuilds(file),
  };
}

function configurationFlags(
  flags: MachineFlags,
  programArguments: readonly string[] | undefined,
): ConfigurationFlags {
  return {
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
    workingDirectory: flags.workdir,
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
      accelerator: flags.accel,
      timeoutSeconds: flags.timeout,
      volumes: volumesOf(flags.volume),
      disks: disksOf(flags.disk),
      hostname: flags.hostname,
      ulimits: pairs(flags.ulimit, "--ulimit NAME=SOFT[:HARD]"),
    },
  };
}

/** Undefined where nobody names one, which the build refuses. */
function targetOf(configuration: ResolvedConfiguration): GivenTarget | undefined {
  const { inputs, program, package: packaged, image } = configuration;
  if (inputs !== undefined) return { kind: "sources", name: inputs.join(" ") };
  if (packaged !== undefined) return { kind: "package", name: packaged };
  if (image !== undefined) return { kind: "container", name: image };
  return program === undefined ? undefined : { kind: "executable", name: program };
}

/** Throws UKL-210. What is malformed, others say better. */
async function refuseImage(path: string): Promise<void> {
  const found = await findImage(path).catch(() => undefined);
  if (found === undefined) return;
  throw new UklError("UKL-210", {
    what: `${path} is an image`,
    cause: "it was built already, and no image is made of another one",
    fix: `boot it with 'ukl run ${path}', or give what it was built from`,
  });
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
