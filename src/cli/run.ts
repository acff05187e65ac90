// SPDX-License-Identifier: MIT
/** `ukl run`. */
import { basename, join } from "node:path";
import { type Command, Option } from "commander";
import { imageName } from "../application.js";
import { build } from "../build.js";
import { UklError } from "../errors.js";
import { type BuildFlags, pairs, readAttachments, readConfiguration, readMachine } from "../flags.js";
import { checkGuestName, nameFromImage } from "../guests/state.js";
import { startGuest } from "../guests.js";
import { withScratchDirectory } from "../host/files.js";
import { findImage } from "../image.js";
import { findMissingFiles, formatMissing } from "../missing-files.js";
import { formatMasked } from "../report.js";
import { dryRun, type RunRequest, run } from "../run.js";
import type { RunResult } from "../vm/run.js";
import { hasTerminal, type Stdio } from "../vm/stdio.js";
import { guestStore } from "./guests.js";
import { interruption } from "./interruption.js";
import { addImageOptions, collect, positiveNumber } from "./options.js";
import { chooseStdio, openStandardStreams } from "./standard-streams.js";
import { type Invocation, progressPrinter, type Terminal } from "./terminal.js";

interface RunFlags extends BuildFlags {
  readonly accel: "auto" | "kvm" | "tcg";
  readonly timeout?: number;
  readonly grace: number;
  readonly append: readonly string[];
  readonly icount?: true;
  readonly dryRun?: true;
  readonly detach?: true;
  readonly tty?: boolean;
  readonly guest?: string;
  readonly missingFiles?: true;
  readonly json?: true;
}

export function addRun(program: Command, invocation: Invocation): void {
  const { terminal, setStatus } = invocation;
  addImageOptions(program.command("run"))
    .description("boot an image, or build and boot an application; what follows -- are its arguments")
    .argument("[target...]", "an image, or what `ukl build` takes")
    .addOption(new Option("--accel <name>", "accelerator").choices(["auto", "kvm", "tcg"]).default("auto"))
    .option("-d, --detach", "let the guest run by itself, and print its name")
    .option("--guest <name>", "the name of a guest that runs by itself (default: the image's)")
    .option("-t, --tty", "the program's standard streams are a terminal (default: those that are one here)")
    .option("-T, --no-tty", "they are pipes")
    .option("--timeout <seconds>", "end the guest after this time", positiveNumber)
    .option(
      "--grace <seconds>",
      "end the guest when its program takes longer over SIGINT or SIGTERM",
      positiveNumber,
      10,
    )
    .option("--append <word>", "add to the kernel's command line", collect, [])
    .option("--icount", "guest time counts instructions: 1 instruction is 1 ns (TCG only)")
    .option("--dry-run", "print the command instead of running it")
    .option("--missing-files", "run the program on this machine, and tell which files its image would lack")
    .option("--json", "print what --missing-files finds as JSON")
    .action(async (targets: string[], flags: RunFlags) => {
      if (flags.missingFiles) return printMissing(targets, flags, invocation);
      checkDetached(flags);
      await withImage(targets, flags, invocation, async (request) => {
        if (flags.dryRun) return void terminal.print(`${await dryRun(request)}\n`);
        if (flags.detach) return void terminal.print(`${await detach(request, targets, flags)}\n`);
        const { masked, exitStatus } = await attach(request, flags, terminal);
        terminal.say(formatMasked(masked));
        setStatus(exitStatus);
      });
    });
}

/** Runs a guest whose program has our standard streams and gets our signals. */
async function attach(request: RunRequest, flags: RunFlags, terminal: Terminal): Promise<RunResult> {
  const stdio = chooseStdio(flags.tty, terminal);
  const interrupt = interruption(1000 * flags.grace);
  const end = () => interrupt.end("SIGTERM");
  const streams = openStandardStreams(stdio, terminal, interrupt.signals, end);
  try {
    return await run(
      { ...request, stdio, env: { ...terminalName(stdio), ...request.env } },
      {
        ...streams.console,
        signal: interrupt.signal,
        words: interrupt.signals,
        ...(flags.timeout === undefined ? {} : { timeoutMs: 1000 * flags.timeout }),
      },
    );
  } finally {
    streams.dispose();
    interrupt.dispose();
  }
}

/** The name of our terminal, by which the program knows how to write to it. */
function terminalName(stdio: Stdio): Record<string, string> {
  return hasTerminal(stdio) ? { TERM: process.env["TERM"] ?? "xterm" } : {};
}

/** Starts a guest that runs by itself; returns its name. */
async function detach(request: RunRequest, targets: readonly string[], { guest }: RunFlags): Promise<string> {
  const interrupt = interruption(0);
  interrupt.signals.destroy(); // There is no program yet to pass them to.
  const like = nameFromImage(basename(request.imagePath, ".elf"));
  const name = guest === undefined ? { like } : { exactly: guest };
  const image = targets[0] ?? like;
  const { signal } = interrupt;
  return startGuest(guestStore(), request, { name, image, signal }).finally(interrupt.dispose);
}

/** What a guest that runs by itself cannot have. */
function checkDetached({ detach, guest, timeout }: RunFlags): void {
  if (guest !== undefined) checkGuestName(guest);
  if (detach ? timeout === undefined : guest === undefined) return;
  throw new UklError("UKL-101", {
    what: detach
      ? "nobody waits for a guest that runs by itself"
      : "a guest has a name when it runs by itself",
    cause: detach ? "--timeout is given too" : "--guest is given without -d",
    fix: detach ? "leave out --timeout, and end it with 'ukl stop'" : "add -d, or leave out --guest",
  });
}

async function printMissing(
  targets: readonly string[],
  flags: RunFlags,
  { terminal, programArguments }: Invocation,
): Promise<void> {
  const found = await findMissingFiles(await readConfiguration(targets, flags, programArguments));
  terminal.print(flags.json ? `${JSON.stringify(found, undefined, 2)}\n` : formatMissing(found));
}

/** Calls `work` with the image that the targets name, or with one built from them for this run. */
async function withImage(
  targets: readonly string[],
  flags: RunFlags,
  { terminal, programArguments }: Invocation,
  work: (request: RunRequest) => Promise<void>,
): Promise<void> {
  const machine = {
    accelerator: flags.accel,
    kernelArguments: flags.append,
    instructionCount: flags.icount === true,
    ...(flags.mode === undefined ? {} : { mode: flags.mode }),
    ...(flags.memory === undefined ? {} : { memory: flags.memory }),
    ...(flags.smp === undefined ? {} : { cpus: flags.smp }),
    ...(flags.port.length === 0 ? {} : { ports: flags.port }),
    ...(flags.net === undefined ? {} : { net: flags.net }),
    ...(flags.guest === undefined ? {} : { guestName: flags.guest }),
    onNote: (text: string) => void terminal.say(`note: ${text}\n`),
  };
  const [first, ...others] = targets;
  const image = first !== undefined && others.length === 0 ? await findImage(first) : undefined;
  if (first !== undefined && image !== undefined) {
    const args = programArguments === undefined ? {} : { args: programArguments };
    const { hostname, ulimits } = readMachine(flags);
    const env = pairs(flags.env, "-e NAME=VALUE");
    return work({
      ...machine,
      ...args,
      ...(hostname === undefined ? {} : { hostname }),
      ulimits,
      imagePath: first,
      image,
      env,
      attachments: readAttachments(flags),
    });
  }
  const configuration = await readConfiguration(targets, flags, programArguments);
  await withScratchDirectory(async (scratch) => {
    const output = join(scratch, `${imageName(configuration)}.elf`);
    const progress = progressPrinter(terminal);
    const isUrgent = configuration.kernel.base === undefined;
    const request = { configuration, output, bzImage: false, isUrgent, onProgress: progress.show };
    const { kernelChoice, notes } = await build(request).finally(progress.end);
    notes.forEach(machine.onNote);
    if (kernelChoice.because !== undefined) machine.onNote(`generic kernel: ${kernelChoice.because}`);
    await work({ ...machine, imagePath: output, env: {}, attachments: configuration.run });
  });
}
