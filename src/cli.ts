#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/** The command line: reads argv, prints, and turns results and errors into exit codes. Nothing else does. */
import { once } from "node:events";
import { constants } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { imageName } from "./application.js";
import { build } from "./build.js";
import { exitCode, formatError, UklError } from "./errors.js";
import { type BuildFlags, pairs, readConfiguration } from "./flags.js";
import { examineHost, fixHost } from "./host/doctor.js";
import { withScratchDirectory } from "./host/files.js";
import { cacheDirectory } from "./host/places.js";
import { mapInThreads } from "./host/threads.js";
import { isImage, readManifest } from "./image.js";
import { inspectionCache } from "./inspect/cache.js";
import { differ, formatDifference } from "./inspect/difference.js";
import { explainIncomplete, formatInspection, formatNames } from "./inspect/format.js";
import { inspect } from "./inspect/inspect.js";
import type { Inspection } from "./inspect/schema.js";
import { seccompProfile } from "./inspect/seccomp.js";
import type { ThreadRequest } from "./inspect/thread.js";
import { saveTrace, traceProgram, unpredictedCalls } from "./inspect/trace.js";
import { formatTrace } from "./inspect/trace-format.js";
import { formatWhy } from "./inspect/why.js";
import { kernelCache } from "./kernel/cache.js";
import type { Progress } from "./kernel/compile.js";
import { getKernel } from "./kernel/kernel.js";
import { maskPolicies } from "./mask/policy.js";
import {
  formatBuild,
  formatChoice,
  formatFindings,
  formatKernels,
  formatMasked,
  formatProgress,
} from "./report.js";
import { dryRun, type RunRequest, run } from "./run.js";
import { writeStubs } from "./show-stubs.js";

const print = (text: string) => process.stdout.write(text);
const say = (text: string) => process.stderr.write(text);

async function main(argv: readonly string[]): Promise<number> {
  // What follows -- belongs to the application, whatever it looks like.
  const dashes = argv.indexOf("--");
  const own = dashes < 0 ? argv : argv.slice(0, dashes);
  const programArguments = dashes < 0 ? undefined : argv.slice(dashes + 1);
  let status: number = exitCode.ok;
  const program = new Command("ukl")
    .description("Turn an existing Linux application into one bootable binary.")
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, outputError: () => undefined })
    .showHelpAfterError(false);
  addBuild(program, programArguments);
  addStubs(program, programArguments);
  addRun(program, programArguments, (guestStatus) => {
    status = guestStatus;
  });
  addInspect(program, programArguments);
  addKernel(program);
  addDoctor(program);
  // Whoever read our output is gone, as in `ukl inspect PROGRAM | head -1`. A run ends its machine first.
  process.stdout.on("error", () => {
    if (process.stdout.listenerCount("error") === 1) process.exit(128 + constants.signals.SIGPIPE);
  });
  if (own.length === 0) {
    say(program.helpInformation());
    return exitCode.usage;
  }
  try {
    await program.parseAsync(own, { from: "user" });
    return status;
  } catch (error) {
    return report(error);
  }
}

/** Throws what commander turns into its message about the option. */
function positiveNumber(text: string): number {
  const value = Number(text);
  if (value > 0 && value < 2 ** 21) return value;
  throw new InvalidArgumentError("It is not a positive number.");
}

function wholeNumber(text: string): number {
  const value = positiveNumber(text);
  if (Number.isInteger(value)) return value;
  throw new InvalidArgumentError("It is not a whole number.");
}

function collect(value: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, value];
}

/** The options that describe an image, shared by `build` and `run`. */
function addImageOptions(command: Command): Command {
  return command
    .option("--config <file>", "configuration file (default: ukl.config.ts or ukl.config.json)")
    .option("--name <name>", "name of the image and of the program in the guest")
    .addOption(new Option("--mode <mode>", "ring 0 or ring 3").choices(["unikernel", "classic"]))
    .option("-l, --library <name>", "link this library", collect, [])
    .option("-L, --library-path <dir>", "look for libraries here", collect, [])
    .option("--cc <compiler>", "compile and link with this compiler")
    .option("--cflag <flag>", "pass to the compiler", collect, [])
    .option("--ldflag <flag>", "pass to the compiler driver when linking", collect, [])
    .option("-e, --env <name=value>", "set in the program's environment", collect, [])
    .option("--include <guest=host>", "put a file or directory into the image", collect, [])
    .option("--ring0 <path>", "run this guest program in ring 0 too", collect, [])
    .addOption(
      new Option("--mask <policy>", "what a system call without use gets").choices([...maskPolicies, "none"]),
    )
    .option("--mask-call <name=policy>", "what one system call gets; 'allow' lets it through", collect, [])
    .option("--mask-from <file>", "a trace or list of the calls that the program makes")
    .addOption(
      new Option("--kernel <base>", "for what the program uses, or for programs of all kinds").choices([
        "special",
        "generic",
      ]),
    )
    .option("--kernel-source <path>", "Linux source directory or tarball")
    .option("--kernel-option <name=value>", "set a kernel option", collect, [])
    .option("--kernel-symbol <name>", "let the program use this kernel symbol", collect, [])
    .option("-m, --memory <size>", "memory of the guest, such as 128M")
    .option("--smp <n>", "virtual CPUs", wholeNumber);
}

interface BuildOnlyFlags extends BuildFlags {
  readonly output?: string;
  readonly bzimage?: true;
  readonly explainKernel?: true;
  readonly json?: true;
}

function addBuild(program: Command, programArguments: readonly string[] | undefined): void {
  addImageOptions(program.command("build"))
    .description("build a bootable binary; what follows -- becomes its default arguments")
    .argument("[target...]", "sources, objects and archives, or one executable")
    .option("-o, --output <file>", "the image (default: NAME.elf)")
    .option("--bzimage", "write a bzImage beside it")
    .option("--explain-kernel", "print each kernel option that was chosen, and why")
    .option("--json", "print the result as JSON")
    .action(async (targets: string[], flags: BuildOnlyFlags) => {
      const configuration = await readConfiguration(targets, flags, programArguments);
      const progress = progressPrinter();
      const result = await build({
        configuration,
        output: flags.output ?? `${imageName(configuration)}.elf`,
        bzImage: flags.bzimage === true,
        onProgress: progress.show,
      }).finally(progress.end);
      if (flags.json) return void print(`${JSON.stringify(result, undefined, 2)}\n`);
      print(formatBuild(result));
      if (flags.explainKernel) print(formatChoice(result.kernelChoice));
    });
}

function addStubs(program: Command, programArguments: readonly string[] | undefined): void {
  addImageOptions(program.command("stubs"))
    .description("write the stubs and the linker script that a build of the target uses, to be read")
    .argument("[target...]", "what `ukl build` takes")
    .requiredOption("-o, --output <dir>", "write into this directory")
    .action(async (targets: string[], flags: BuildFlags & { output: string }) => {
      const configuration = await readConfiguration(targets, flags, programArguments);
      const progress = progressPrinter();
      const { output: directory } = flags;
      const request = { configuration, directory, onProgress: progress.show };
      const paths = await writeStubs(request).finally(progress.end);
      print(paths.map((path) => `${path}\n`).join(""));
    });
}

interface RunFlags extends BuildFlags {
  readonly accel: "auto" | "kvm" | "tcg";
  readonly timeout?: number;
  readonly append: readonly string[];
  readonly icount?: true;
  readonly dryRun?: true;
}

function addRun(
  program: Command,
  programArguments: readonly string[] | undefined,
  setStatus: (guestStatus: number) => void,
): void {
  addImageOptions(program.command("run"))
    .description("boot an image, or build and boot an application; what follows -- are its arguments")
    .argument("[target...]", "an image, or what `ukl build` takes")
    .addOption(new Option("--accel <name>", "accelerator").choices(["auto", "kvm", "tcg"]).default("auto"))
    .option("--timeout <seconds>", "end the guest after this time", positiveNumber)
    .option("--append <word>", "add to the kernel's command line", collect, [])
    .option("--icount", "guest time counts instructions: 1 instruction is 1 ns (TCG only)")
    .option("--dry-run", "print the command instead of running it")
    .action(async (targets: string[], flags: RunFlags) => {
      await withImage(targets, flags, programArguments, async (request) => {
        if (flags.dryRun) return void print(`${await dryRun(request)}\n`);
        const interrupt = interruption();
        const result = await run(request, {
          stdin: process.stdin,
          onConsole: (chunk) => writeAll(process.stdout, chunk),
          signal: interrupt.signal,
          ...(flags.timeout === undefined ? {} : { timeoutMs: 1000 * flags.timeout }),
        }).finally(interrupt.dispose);
        say(formatMasked(result.masked));
        setStatus(result.exitStatus);
      });
    });
}

interface InspectFlags {
  readonly mode: Inspection["mode"];
  readonly json?: true;
  readonly names?: true;
  readonly seccomp?: true;
  readonly runtime?: "runc";
  readonly why?: string;
  readonly diff?: true;
  readonly library: readonly string[];
  readonly libraryPath: readonly string[];
  readonly cc?: string;
  readonly trace?: true;
  readonly traceSave?: string;
  readonly cache: boolean;
}

function addInspect(program: Command, programArguments: readonly string[] | undefined): void {
  program
    .command("inspect")
    .description("the system calls and libraries that a program needs, and why")
    .argument(
      "<targets...>",
      "executables, shared libraries, objects or archives; of an image the manifest is printed",
    )
    .addOption(
      new Option(
        "--mode <mode>",
        "what to do about a number that stays unknown: report it, or count every call",
      )
        .choices(["precise", "strict"])
        .default("precise"),
    )
    .option("--json", "print as JSON (docs/inspection.schema.json)")
    .option("--names", "print the names of the system calls alone")
    .option("--seccomp", "print a seccomp profile for OCI runtimes and Docker")
    .addOption(new Option("--runtime <name>", "with what this runtime needs itself").choices(["runc"]))
    .option("--why <call>", "print how the program gets to a system call")
    .option("--diff", "compare two targets: what the second one started or stopped using")
    .option("-l, --library <name>", "link objects and archives with this library", collect, [])
    .option("-L, --library-path <dir>", "look for libraries here", collect, [])
    .option("--cc <compiler>", "link as this compiler does (default: gcc, or g++ for C++)")
    .option("--no-cache", "inspect anew what was inspected before")
    .option("--trace", "run the target with what follows --, and compare its calls with the predicted ones")
    .option("--trace-save <file>", "trace, and keep in this file what all runs made")
    .action(async (targets: string[], flags: InspectFlags) => {
      const [first = ""] = targets;
      if (flags.trace || flags.traceSave !== undefined) {
        await refuseWithTrace(targets, flags);
        const [inspection] = await inspectAll([first], flags);
        return inspection && trace(inspection, flags, programArguments ?? []);
      }
      if (programArguments !== undefined) throw argumentsWithoutTrace();
      if (targets.length === 1 && (await isImage(first))) {
        print(`${JSON.stringify(await readManifest(first), undefined, 2)}\n`);
        return;
      }
      const inspections = await inspectAll(targets, flags);
      print(formatInspections(inspections, flags));
      for (const inspection of inspections) {
        const incomplete = explainIncomplete(inspection);
        if (incomplete !== undefined && (flags.names || flags.seccomp)) say(`${incomplete}\n`);
      }
    });
}

/** One target here, several in threads. */
async function inspectAll(targets: readonly string[], flags: InspectFlags): Promise<readonly Inspection[]> {
  const { mode, library: libraries, libraryPath: libraryPaths, cc: compiler } = flags;
  const link = { libraries, libraryPaths, ...(compiler === undefined ? {} : { compiler }) };
  const [path, ...others] = targets;
  if (path !== undefined && others.length === 0) {
    const cache = flags.cache ? { cache: inspectionCache(cacheDirectory()) } : {};
    return [await inspect({ path, mode, link, ...cache })];
  }
  const cache = flags.cache ? { cacheRoot: cacheDirectory() } : {};
  const requests = targets.map((path): ThreadRequest => ({ path, mode, link, ...cache }));
  const progress = progressPrinter();
  const show = (done: number) => progress.show({ step: "inspecting", fraction: done / targets.length });
  show(0);
  const thread = new URL("./inspect/thread.js", import.meta.url);
  return (await mapInThreads(thread, requests, show).finally(progress.end)) as readonly Inspection[];
}

/** What a trace has no place for. */
async function refuseWithTrace(targets: readonly string[], flags: InspectFlags): Promise<void> {
  const others = (["names", "seccomp", "runtime", "why", "diff"] as const).filter(
    (name) => flags[name] !== undefined,
  );
  const [first = ""] = targets;
  const causes = [
    ...others.map((name) => `--${name} is given too`),
    ...(targets.length > 1 ? [`${targets.length} targets are given`] : []),
    ...((await isImage(first)) ? [`${first} is an image, which 'ukl run' boots`] : []),
  ];
  if (causes.length === 0) return;
  throw new UklError("UKL-101", {
    what: "--trace compares the calls of one program, and answers in text or with --json",
    cause: causes.join(", "),
    fix: "ask for one after the other",
  });
}

function argumentsWithoutTrace(): UklError {
  return new UklError("UKL-101", {
    what: "arguments are given to a program that is not run",
    cause: "inspecting runs nothing",
    fix: "add --trace to run the program, or leave out what follows --",
  });
}

async function trace(inspection: Inspection, flags: InspectFlags, args: readonly string[]): Promise<void> {
  const { traceSave: file, json } = flags;
  // The program's own output must not get into ours, where that is read by other programs.
  const stdout = json ? "stderr" : "stdout";
  const comparison = await traceProgram(inspection, { args, earlier: file, stdout });
  print(json ? `${JSON.stringify(comparison, undefined, 2)}\n` : formatTrace(comparison));
  if (file !== undefined) await saveTrace(file, comparison.trace);
  const error = unpredictedCalls(comparison);
  if (error !== undefined) throw error;
}

function formatInspections(inspections: readonly Inspection[], flags: InspectFlags): string {
  const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;
  const [first, second] = inspections;
  if (flags.diff) {
    if (first === undefined || second === undefined || inspections.length > 2) {
      throw new UklError("UKL-101", {
        what: "--diff compares two targets",
        cause: `${inspections.length} were given`,
        fix: "name the old one and the new one",
      });
    }
    const difference = differ(first, second);
    return flags.json ? json(difference) : formatDifference(difference);
  }
  if (flags.json) return json(inspections.length === 1 ? first : inspections);
  const { why } = flags;
  const format = (inspection: Inspection): string => {
    if (why !== undefined) return formatWhy(inspection, why);
    if (flags.seccomp) return json(seccompProfile(inspection, flags.runtime));
    return flags.names ? formatNames(inspection) : formatInspection(inspection);
  };
  return inspections.map(format).join(flags.names || flags.seccomp ? "" : "\n");
}

function addKernel(program: Command): void {
  const kernel = program.command("kernel").description("the cache of kernel objects");
  kernel
    .command("build")
    .description("build the kernels that images are linked with")
    .addOption(new Option("--mode <mode>", "only this one").choices(["unikernel", "classic"]))
    .option("--kernel-source <path>", "Linux source directory or tarball")
    .action(async (flags: { mode?: "unikernel" | "classic"; kernelSource?: string }) => {
      const source = flags.kernelSource ?? process.env["UKL_KERNEL_SOURCE"];
      for (const mode of flags.mode === undefined ? (["unikernel", "classic"] as const) : [flags.mode]) {
        const progress = progressPrinter();
        const request = { mode, onProgress: progress.show, ...(source === undefined ? {} : { source }) };
        const made = await getKernel(request).finally(progress.end);
        print(`${mode} kernel: Linux ${made.version} in ${made.directory}\n`);
      }
    });
  kernel
    .command("list")
    .option("--json", "print as JSON")
    .action(async (flags: { json?: true }) => {
      const kernels = await kernelCache(cacheDirectory()).list();
      print(flags.json ? `${JSON.stringify(kernels, undefined, 2)}\n` : formatKernels(kernels));
    });
  kernel
    .command("prune")
    .description("remove kernels not used for 30 days, and what they were built from")
    .option("--all", "remove every kernel")
    .action(async (flags: { all?: true }) => {
      const removed = await kernelCache(cacheDirectory()).prune(flags.all === true ? 0 : 30);
      print(`removed ${removed} kernel${removed === 1 ? "" : "s"}\n`);
    });
}

function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("what this host has and lacks")
    .option("--fix", "install what is missing")
    .action(async (flags: { fix?: true }) => {
      let findings = await examineHost();
      if (flags.fix && findings.some(({ found }) => found === undefined)) {
        await fixHost(findings, { onLine: (line) => say(`${line}\n`) });
        findings = await examineHost();
      }
      print(formatFindings(findings));
      const missing = findings.filter(({ found }) => found === undefined);
      if (missing.length === 0) return;
      throw new UklError("UKL-401", {
        what: `${missing.length} of ${findings.length} requirements are missing`,
        cause: missing.map(({ what }) => what).join(", "),
        fix: "run 'ukl doctor --fix'",
      });
    });
}

/** Calls `work` with the image that the targets name, or with one built from them for this run. */
async function withImage(
  targets: readonly string[],
  flags: RunFlags,
  programArguments: readonly string[] | undefined,
  work: (request: RunRequest) => Promise<void>,
): Promise<void> {
  const machine = {
    accelerator: flags.accel,
    kernelArguments: flags.append,
    instructionCount: flags.icount === true,
    ...(flags.mode === undefined ? {} : { mode: flags.mode }),
    ...(flags.memory === undefined ? {} : { memory: flags.memory }),
    ...(flags.smp === undefined ? {} : { cpus: flags.smp }),
  };
  const [first, ...others] = targets;
  if (first !== undefined && others.length === 0 && (await isImage(first))) {
    const args = programArguments === undefined ? {} : { args: programArguments };
    return work({ ...machine, ...args, imagePath: first, env: pairs(flags.env, "-e NAME=VALUE") });
  }
  const configuration = await readConfiguration(targets, flags, programArguments);
  await withScratchDirectory(async (scratch) => {
    const output = join(scratch, `${imageName(configuration)}.elf`);
    const progress = progressPrinter();
    const isUrgent = configuration.kernel.base === undefined;
    const request = { configuration, output, bzImage: false, isUrgent, onProgress: progress.show };
    const { kernelChoice } = await build(request).finally(progress.end);
    if (kernelChoice.because !== undefined) say(`note: generic kernel: ${kernelChoice.because}\n`);
    await work({ ...machine, imagePath: output, env: {} });
  });
}

/** Ctrl-C and SIGTERM end the machine, and then us with the status a shell expects. */
function interruption(): { readonly signal: AbortSignal; readonly dispose: () => void } {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => controller.abort(new Interrupted(name));
  // Whoever read our output is gone, as in `ukl run IMAGE | head -1`.
  const onClosed = () => controller.abort(new Interrupted("SIGPIPE"));
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  process.stdout.on("error", onClosed);
  return {
    signal: controller.signal,
    dispose: () => void process.off("SIGINT", onSignal).off("SIGTERM", onSignal),
  };
}

class Interrupted extends Error {
  readonly exitStatus: number;

  constructor(name: NodeJS.Signals) {
    super(`interrupted by ${name}`);
    this.exitStatus = 128 + constants.signals[name];
  }
}

/** Resolves when the stream can take more; a stream that was closed takes everything. */
async function writeAll(stream: Writable, chunk: Uint8Array): Promise<void> {
  if (stream.writable && !stream.write(chunk)) await once(stream, "drain").catch(() => undefined);
}

/** Shows progress: redrawn in place on a terminal, a line for each new step elsewhere. */
function progressPrinter(): { show: (progress: Progress) => void; end: () => void } {
  let lastStep = "";
  let drawn = false;
  return {
    show(progress) {
      if (process.stderr.isTTY) {
        say(`\r\x1b[K${formatProgress(progress)}`);
        drawn = true;
      } else if (progress.step !== lastStep) {
        say(`${progress.step}\n`);
      }
      lastStep = progress.step;
    },
    end() {
      if (drawn) say("\r\x1b[K");
    },
  };
}

function report(error: unknown): number {
  if (error instanceof Interrupted) return error.exitStatus;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCode.ok;
    return report(
      new UklError("UKL-101", {
        what: "the command line is not understood",
        cause:
          error.code === "commander.help" ? "a command is missing" : error.message.replace(/^error: /, ""),
        fix: "see 'ukl --help' and 'ukl COMMAND --help'",
      }),
    );
  }
  if (error instanceof UklError) {
    say(formatError(error));
    return error.exit;
  }
  say(`error[UKL-901]: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return exitCode.bug;
}

process.exitCode = await main(process.argv.slice(2));
