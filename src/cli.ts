#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/** The command line: reads argv, prints, and turns results and errors into exit codes. Nothing else does. */
import { constants } from "node:os";
import { Command, CommanderError } from "commander";
import { addBench } from "./cli/bench.js";
import { addBuild } from "./cli/build.js";
import { addDoctor } from "./cli/doctor.js";
import { addGuests } from "./cli/guests.js";
import { addInit } from "./cli/init.js";
import { addInspect } from "./cli/inspect.js";
import { Interrupted } from "./cli/interruption.js";
import { addKernel } from "./cli/kernel.js";
import { processTerminal as terminal } from "./cli/process-terminal.js";
import { addRun } from "./cli/run.js";
import { spreadOption } from "./cli/spread.js";
import { addStubs } from "./cli/stubs.js";
import { exitCode, formatError, UklError } from "./errors.js";
import { version } from "./host/places.js";

async function main(argv: readonly string[]): Promise<number> {
  // What follows -- belongs to the application, whatever it looks like.
  const dashes = argv.indexOf("--");
  const own = dashes < 0 ? argv : argv.slice(0, dashes);
  const programArguments = dashes < 0 ? undefined : argv.slice(dashes + 1);
  let status: number = exitCode.ok;
  const setStatus = (guestStatus: number) => {
    status = guestStatus;
  };
  const program = new Command("ukl")
    .description("Turn an existing Linux application into one bootable binary.")
    .version(await version())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, outputError: () => undefined })
    .showHelpAfterError(false);
  const invocation = { terminal, programArguments, setStatus };
  for (const add of [
    addBuild,
    addInit,
    addStubs,
    addRun,
    addGuests,
    addInspect,
    addBench,
    addKernel,
    addDoctor,
  ])
    add(program, invocation);
  // Whoever read our output is gone, as in `ukl inspect PROGRAM | head -1`. A run ends its machine first.
  process.stdout.on("error", () => {
    if (process.stdout.listenerCount("error") === 1) process.exit(128 + constants.signals.SIGPIPE);
  });
  if (own.length === 0) {
    terminal.say(program.helpInformation());
    return exitCode.usage;
  }
  try {
    const [name, ...words] = own;
    const command = program.commands.find((each) => each.name() === name);
    const spread = command === undefined ? own : [name ?? "", ...spreadOption(words, command, "--include")];
    await program.parseAsync(spread, { from: "user" });
    return status;
  } catch (error) {
    return report(error);
  }
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
    terminal.say(formatError(error));
    return error.exit;
  }
  terminal.say(
    `error[UKL-901]: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return exitCode.bug;
}

process.exitCode = await main(process.argv.slice(2));
