// SPDX-License-Identifier: MIT
/** `ukl bench`. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { formatHtml } from "../bench/html.js";
import { type PartName, partNames, type Report } from "../bench/schema.js";
import { formatReport } from "../bench/text.js";
import { bench } from "../bench.js";
import { type BuiltName, builtNames } from "../bench-variants.js";
import type { ResolvedConfiguration } from "../config/schema.js";
import { UklError } from "../errors.js";
import { type MachineFlags, readConfiguration } from "../flags.js";
import { readInput, writeOutput } from "../host/files.js";
import { packageFile } from "../host/places.js";
import { isSet } from "../option-rules.js";
import { addImageOptions, collect, positiveNumber, wholeNumber } from "./options.js";
import { type Invocation, progressPrinter } from "./terminal.js";

interface BenchFlags extends MachineFlags {
  readonly compare: readonly BuiltName[];
  readonly image: readonly string[];
  readonly kernelImage: readonly string[];
  readonly part: readonly PartName[];
  readonly runs: number;
  readonly seed: number;
  readonly json?: true;
  readonly html?: string;
}

export function addBench(program: Command, { terminal, programArguments }: Invocation): void {
  addImageOptions(program.command("bench"))
    .description(
      "compare an application in ring 0, bound and not, with ring 3, and with images and kernels of others",
    )
    .argument("[target...]", "what `ukl build` takes (default: a program that says hello)")
    .option("--compare <names>", `of ${builtNames.join(",")}, those to build`, builtList, [...builtNames])
    .option("--image <file>", "an image to compare with", collect, [])
    .option(
      "--kernel-image <file>",
      "a bzImage, such as a distribution's vmlinuz, to run the program on",
      collect,
      [],
    )
    .option("--part <name>", `measure this alone: ${partNames.join(", ")}`, collectPart, [])
    .option("--runs <n>", "how often what differs each time is measured", wholeNumber, 5)
    .option("--seed <n>", "of the random numbers behind the confidence intervals", wholeNumber, 1)
    .option("--timeout <seconds>", "how long one boot may take (default: 120)", positiveNumber)
    .addOption(new Option("--accel <name>", "accelerator (default: auto)").choices(["auto", "kvm", "tcg"]))
    .option("--json", "print the report as JSON (docs/bench.schema.json)")
    .option("--html <file>", "write the report as a page with charts, too")
    .action(async (targets: string[], flags: BenchFlags) => {
      checkFlags(flags);
      const isDefault = targets.length === 0 && flags.config === undefined;
      const chosen = isDefault ? [packageFile("fixtures", "hello", "hello.c")] : targets;
      const { timeout, ...imageFlags } = flags;
      const configuration = await readConfiguration(chosen, imageFlags, programArguments);
      for (const leaf of refusedByBench(configuration))
        terminal.say(`note: ${leaf} of the configuration does not count in a comparison\n`);
      // A kernel for each application is another one for the program that measures system calls.
      const kernel = { ...configuration.kernel, base: configuration.kernel.base ?? ("generic" as const) };
      const progress = progressPrinter(terminal);
      const report = await bench({
        configuration: { ...configuration, kernel },
        compare: flags.compare,
        images: flags.image,
        kernelImages: flags.kernelImage,
        parts: flags.part.length === 0 ? partNames : flags.part,
        runs: flags.runs,
        seed: flags.seed,
        accelerator: configuration.run.accelerator,
        limitMs: 1000 * (timeout ?? configuration.run.timeoutSeconds ?? defaultTimeoutSeconds),
        onProgress: progress.show,
      }).finally(progress.end);
      if (flags.html !== undefined) await writeHtml(flags.html, report);
      terminal.print(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : formatReport(report));
    });
}

const defaultTimeoutSeconds = 120;

async function writeHtml(path: string, report: Report): Promise<void> {
  const style = await readInput(packageFile("bench", "report.css"));
  await writeOutput(path, formatHtml(report, style.toString()));
}

/**
 * What a configuration has that each variant has by itself, or a measurement does without. Throws UKL-101 for what a
 * program may not work without.
 */
function refusedByBench(configuration: ResolvedConfiguration): readonly string[] {
  const of = (leaves: readonly string[]) => leaves.filter((leaf) => isSet(configuration, leaf));
  const [attached] = of(["run.volumes", "run.disks"]);
  if (attached === undefined) return of(["mode", "bind", "shortcuts", "run.ports", "run.net"]);
  throw new UklError("UKL-101", {
    what: `${attached} cannot be had in a comparison`,
    cause: "each variant starts many times, and would change what the others find",
    fix: "name a configuration without it, and give the program its files with files.include",
  });
}

/** What each variant has by itself, or a measurement cannot have. */
function checkFlags({ mode, bind, shortcuts, port, net, volume, disk }: BenchFlags): void {
  const refused = [
    ...(mode === undefined ? [] : ["--mode"]),
    ...(bind ? [] : ["--no-bind"]),
    ...(shortcuts === undefined ? [] : ["--shortcuts"]),
    ...(port.length === 0 ? [] : ["-p"]),
    ...(net === undefined ? [] : ["--net"]),
    ...(volume.length === 0 ? [] : ["-v"]),
    ...(disk.length === 0 ? [] : ["--disk"]),
  ];
  if (refused.length === 0) return;
  throw new UklError("UKL-101", {
    what: `${refused.join(", ")} cannot be given to a comparison`,
    cause: "modes and binding are what is compared, and each machine gets a network of its own and no disks",
    fix: `leave it out; --compare chooses among ${builtNames.join(",")}`,
  });
}

function builtList(text: string): readonly BuiltName[] {
  return text.split(",").map((name) => {
    const found = builtNames.find((each) => each === name);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`It is not a list of ${builtNames.join(", ")}.`);
  });
}

function collectPart(text: string, earlier: readonly PartName[]): readonly PartName[] {
  const found = partNames.find((each) => each === text);
  if (found !== undefined) return [...earlier, found];
  throw new InvalidArgumentError(`It is none of ${partNames.join(", ")}.`);
}
