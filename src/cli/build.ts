// SPDX-License-Identifier: MIT
/** `ukl build`. */
import type { Command } from "commander";
import { imageName } from "../application.js";
import { build } from "../build.js";
import { type BuildFlags, readConfiguration, readPlan } from "../flags.js";
import { formatPlan } from "../projects/format.js";
import { formatBuild, formatChoice } from "../report.js";
import type { KernelChoice } from "../specialise/choose.js";
import { addImageOptions } from "./options.js";
import { type Invocation, progressPrinter } from "./terminal.js";

interface BuildOnlyFlags extends BuildFlags {
  readonly output?: string;
  readonly bzimage?: true;
  readonly explainKernel?: true;
  readonly json?: true;
}

export function addBuild(program: Command, { terminal, programArguments }: Invocation): void {
  addImageOptions(program.command("build"))
    .description("build a bootable binary; what follows -- becomes its default arguments")
    .argument("[target...]", "sources, objects and archives, or one executable")
    .option("-o, --output <file>", "the image (default: NAME.elf)")
    .option("--bzimage", "write a bzImage beside it")
    .option("--explain-kernel", "print each kernel option that was chosen, and why")
    .option("--json", "print the result as JSON")
    .action(async (targets: string[], flags: BuildOnlyFlags) => {
      if (flags.plan) return void terminal.print(formatPlan(await readPlan(targets, flags)));
      const configuration = await readConfiguration(targets, flags, programArguments);
      const progress = progressPrinter(terminal);
      const explain = (choice: KernelChoice) => {
        progress.end();
        terminal.print(formatChoice(choice));
      };
      const result = await build({
        configuration,
        output: flags.output ?? `${imageName(configuration)}.elf`,
        bzImage: flags.bzimage === true,
        onProgress: progress.show,
        // Before a kernel is built for it, which takes minutes.
        ...(flags.explainKernel && !flags.json ? { onKernelChoice: explain } : {}),
      }).finally(progress.end);
      if (flags.json) return void terminal.print(`${JSON.stringify(result, undefined, 2)}\n`);
      terminal.print(formatBuild(result));
    });
}
