// SPDX-License-Identifier: MIT
/** `ukl inspect`. */
import { type Command, Option } from "commander";
import { UklError } from "../errors.js";
import { optimiseLate } from "../host/compilation.js";
import { cacheDirectory } from "../host/places.js";
import { mapInThreads } from "../host/threads.js";
import { findImage } from "../image.js";
import { inspectionCache } from "../inspect/cache.js";
import { differ, formatDifference } from "../inspect/difference.js";
import { explainIncomplete, formatInspection, formatNames } from "../inspect/format.js";
import { inspect } from "../inspect/inspect.js";
import type { Inspection } from "../inspect/schema.js";
import { seccompProfile } from "../inspect/seccomp.js";
import type { ThreadRequest } from "../inspect/thread.js";
import { saveTrace, traceProgram, unpredictedCalls } from "../inspect/trace.js";
import { formatTrace } from "../inspect/trace-format.js";
import { formatWhy } from "../inspect/why.js";
import { executedOf } from "../project-target.js";
import { collect } from "./options.js";
import { type Invocation, progressPrinter, type Terminal } from "./terminal.js";

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

export function addInspect(program: Command, { terminal, programArguments }: Invocation): void {
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
    .addOption(
      new Option("--runtime <name>", "with what this runtime needs itself (runc 1.1.5 to 1.5.1)").choices([
        "runc",
      ]),
    )
    .option("--why <call>", "print how the program gets to a system call")
    .option("--diff", "compare two targets: what the second one started or stopped using")
    .option("-l, --library <name>", "link objects and archives with this library", collect, [])
    .option("-L, --library-path <dir>", "look for libraries here", collect, [])
    .option("--cc <compiler>", "link as this compiler does (default: gcc, or g++ for C++)")
    .option("--no-cache", "inspect anew what was inspected before")
    .option("--trace", "run the target with what follows --, and compare its calls with the predicted ones")
    .option("--trace-save <file>", "trace, and keep in this file what all runs made")
    .action(async (named: string[], flags: InspectFlags) => {
      optimiseLate();
      const executed = await Promise.all(named.map(executedOf));
      const targets = executed.map(({ path }) => path);
      const [first = ""] = targets;
      if (flags.trace || flags.traceSave !== undefined) {
        await refuseWithTrace(targets, flags);
        const [inspection] = await inspectAll([first], flags, terminal);
        return (
          inspection &&
          trace(inspection, flags, {
            terminal,
            args: [...(executed[0]?.args ?? []), ...(programArguments ?? [])],
          })
        );
      }
      if (programArguments !== undefined) throw argumentsWithoutTrace();
      const image = targets.length === 1 ? await findImage(first) : undefined;
      checkAnswers(flags, image === undefined ? undefined : first);
      if (image !== undefined) {
        terminal.print(`${JSON.stringify(image.manifest, undefined, 2)}\n`);
        return;
      }
      const inspections = await inspectAll(targets, flags, terminal);
      terminal.print(formatInspections(inspections, flags));
      for (const inspection of inspections) {
        const incomplete = explainIncomplete(inspection);
        if (incomplete !== undefined && (flags.names || flags.seccomp)) terminal.say(`${incomplete}\n`);
      }
    });
}

/** One target here, several in threads. */
async function inspectAll(
  targets: readonly string[],
  flags: InspectFlags,
  terminal: Terminal,
): Promise<readonly Inspection[]> {
  const { mode, library: libraries, libraryPath: libraryPaths, cc: compiler } = flags;
  const link = { libraries, libraryPaths, ...(compiler === undefined ? {} : { compiler }) };
  const [path, ...others] = targets;
  if (path !== undefined && others.length === 0) {
    const cache = flags.cache ? { cache: inspectionCache(cacheDirectory()) } : {};
    return [await inspect({ path, mode, link, ...cache })];
  }
  const cache = flags.cache ? { cacheRoot: cacheDirectory() } : {};
  const requests = targets.map((path): ThreadRequest => ({ path, mode, link, ...cache }));
  const progress = progressPrinter(terminal);
  const show = (done: number) => progress.show({ step: "inspecting", fraction: done / targets.length });
  show(0);
  const thread = new URL("../inspect/thread.js", import.meta.url);
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
    ...((await findImage(first)) ? [`${first} is an image, which 'ukl run' boots`] : []),
  ];
  if (causes.length === 0) return;
  throw new UklError("UKL-101", {
    what: "--trace compares the calls of one program, and answers in text or with --json",
    cause: causes.join(", "),
    fix: "ask for one after the other",
  });
}

/** One question is answered in one form. Throws UKL-101. `image` is what is printed as it is. */
function checkAnswers(flags: InspectFlags, image: string | undefined): void {
  const forms = (["json", "names", "seccomp", "why", "diff"] as const).filter(
    (name) => flags[name] !== undefined,
  );
  const isJsonOfDiff = forms.length === 2 && flags.json !== undefined && flags.diff !== undefined;
  const [refused, because] =
    image !== undefined && forms.some((form) => form !== "json")
      ? [forms.find((form) => form !== "json"), `${image} is an image: its manifest is printed, as JSON`]
      : flags.runtime !== undefined && flags.seccomp === undefined
        ? ["runtime", "only a profile that --seccomp prints is for a runtime"]
        : forms.length > 1 && !isJsonOfDiff
          ? [forms[1], `--${forms[0]} is given too, and one question is answered at a time`]
          : [];
  if (refused === undefined) return;
  throw new UklError("UKL-101", {
    what: `--${refused} does not count here`,
    cause: because ?? "",
    fix: `leave out --${refused}, or ask for one after the other`,
  });
}

function argumentsWithoutTrace(): UklError {
  return new UklError("UKL-101", {
    what: "arguments are given to a program that is not run",
    cause: "inspecting runs nothing",
    fix: "add --trace to run the program, or leave out what follows --",
  });
}

async function trace(
  inspection: Inspection,
  flags: InspectFlags,
  { terminal, args }: { readonly terminal: Terminal; readonly args: readonly string[] },
): Promise<void> {
  const { traceSave: file, json } = flags;
  // The program's own output must not get into ours, where that is read by other programs.
  const stdout = json ? "stderr" : "stdout";
  const comparison = await traceProgram(inspection, { args, earlier: file, stdout });
  terminal.print(json ? `${JSON.stringify(comparison, undefined, 2)}\n` : formatTrace(comparison));
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
