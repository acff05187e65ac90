// SPDX-License-Identifier: MIT
/** `ukl stubs`. */
import type { Command } from "commander";
import { type BuildFlags, readConfiguration } from "../flags.js";
import { writeStubs } from "../show-stubs.js";
import { addImageOptions } from "./options.js";
import { type Invocation, progressPrinter } from "./terminal.js";

export function addStubs(program: Command, { terminal, programArguments }: Invocation): void {
  addImageOptions(program.command("stubs"))
    .description("write the stubs and the linker script that a build of the target uses, to be read")
    .argument("[target...]", "what `ukl build` takes")
    .requiredOption("-o, --output <dir>", "write into this directory")
    .action(async (targets: string[], flags: BuildFlags & { output: string }) => {
      const configuration = await readConfiguration(targets, flags, programArguments);
      const progress = progressPrinter(terminal);
      const { output: directory } = flags;
      const request = { configuration, directory, onProgress: progress.show };
      const paths = await writeStubs(request).finally(progress.end);
      terminal.print(paths.map((path) => `${path}\n`).join(""));
    });
}
