// SPDX-License-Identifier: MIT
/** `ukl run`. */
import { basename, join } from "node:path";
import { type Command, Option } from "commander";
import { imageName } from "../application.js";
import { build } from "../build.js";
import { UklError } from "../errors.js";
import { type MachineFlags, readConfiguration, readPlan, readRunConfiguration } from "../flags.js";
import { checkGuestName, nameFromImage } from "../guests/state.js";
import { startGuest } from "../guests.js";
import { withScratchDirectory } from "../host/files.js";
import { findImage } from "../image.js";
import { findMissingFiles, formatMissing } from "../missing-files.js";
import { formatPlan } from "../projects/format.js";
import { formatMasked } from "../report.js";
import { dryRun, type RunRequest, run } from "../run.js";
import { settingsOfBuilt, settingsOfImage } from "../run-settings.js";
import type { RunResult } from "../vm/run.js";
import { hasTerminal, type Stdio } from "../vm/stdio.js";
import { guestStore } from "./guests.js";
import { interruption } from "./interruption.js";
import { addImageOptions, collect, positiveNumber } from "./options.js";
import { chooseStdio, openStandardStreams } from "./standard-streams.js";
import { type Invocation, progressPrinter, type Terminal } from "./terminal.js";

interface RunFlags extends MachineFlags {
  readonly grace?: number;
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
    .addOption(new Option("--accel <name>", "accelerator (default: auto)").choices(["auto", "kvm", "tcg"]))
    .option("-d, --detach", "let the guest run by itself, and print its name")
    .option("--guest <name>", "the name of a guest that runs by itself (default: the image's)")
    .option("-t, --tty", "the program's standard streams are a terminal (default: those that are one here)")
    .option("-T, --no-tty", "they are pipes")
    .option("--timeout <seconds>", "end the guest after this time", positiveNumber)
    .option(
      "--grace <seconds>",
      "end the guest when its program takes longer over SIGINT or SIGTERM (default: 10)",
      positiveNumber,
    )
    .option("--append <word>", "add to the kernel's command line", collect, [])
    .option("--icount", "guest time counts instructions: 1 instruction is 1 ns (TCG only)")
    .option("--dry-run", "print the command instead of running it")
    .option("--missing-files", "run the program on this machine, and tell which files its image would lack")
    .option("--json", "print what --missing-files finds as JSON")
    .action(async (targets: string[], flags: RunFlags) => {
      checkTogether(flags);
      if (flags.plan) return void terminal.print(formatPlan(await readPlan(targets, flags)));
      if (flags.missingFiles) return printMissing(targets, flags, invocation);
      await withImage(targets, flags, invocation, async (request, timeoutSeconds) => {
        if (flags.dryRun) return void terminal.print(`${await dryRun(request)}\n`);
        if (flags.detach && timeoutSeconds !== undefined)
          request.onNote?.("run.timeoutSeconds does not count: nobody waits for a guest that runs by itself");
        if (flags.detach) return void terminal.print(`${await detach(request, targets, flags)}\n`);
        const { masked, exitStatus } = await attach(request, flags, timeoutSeconds, terminal);
        terminal.say(formatMasked(masked));
        setStatus(exitStatus);
      });
    });
}

/** Runs a guest whose program has our standard streams and gets our signals. */
async function attach(
  request: RunRequest,
  { tty, grace = defaultGraceSeconds }: RunFlags,
  timeoutSeconds: number | undefined,
  terminal: Terminal,
): Promise<RunResult> {
  const stdio = chooseStdio(tty, terminal);
  const interrupt = interruption(1000 * grace);
  const end = () => interrupt.end("SIGTERM");
  const streams = openStandardStreams(stdio, terminal, interrupt.signals, end);
  try {
    return await run(
      { ...request, stdio, env: { ...terminalName(stdio), ...request.env } },
      {
        ...streams.console,
        signal: interrupt.signal,
        words: interrupt.signals,
        ...(timeoutSeconds === undefined ? {} : { timeoutMs: 1000 * timeoutSeconds }),
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

const defaultGraceSeconds = 10;

/** Options that have no meaning beside others, or without them. Throws UKL-101. */
function checkTogether(flags: RunFlags): void {
  if (flags.guest !== undefined) checkGuestName(flags.guest);
  for (const { is, refused, because } of conflicts) {
    if (!is(flags)) continue;
    const given = refused.find((option) => isGiven(flags[option]));
    if (given === undefined) continue;
    throw new UklError("UKL-101", {
      what: `${optionOf[given]} does not count here`,
      cause: because,
      fix: `leave out ${optionOf[given]}${given === "guest" ? ", or add -d" : ""}${given === "json" ? ", or add --missing-files" : ""}`,
    });
  }
}

/** As they are written, where not as they are called. */
const optionOf = {
  ...{ guest: "--guest", grace: "--grace", timeout: "--timeout", json: "--json", detach: "-d" },
  ...{ dryRun: "--dry-run", accel: "--accel", append: "--append", icount: "--icount" },
  ...{ memory: "-m", smp: "--smp", port: "-p", net: "--net", volume: "-v", disk: "--disk", user: "-u" },
} as const;

type Refusable = keyof typeof optionOf;

const conflicts: readonly {
  readonly is: (flags: RunFlags) => boolean;
  readonly refused: readonly Refusable[];
  readonly because: string;
}[] = [
  {
    is: ({ detach }) => detach === true,
    refused: ["timeout", "grace"],
    because: "nobody waits for a guest that runs by itself: 'ukl stop' ends it, and has a --grace of its own",
  },
  {
    is: ({ detach }) => detach !== true,
    refused: ["guest"],
    because: "a guest has a name when it runs by itself, with -d",
  },
  {
    is: ({ dryRun }) => dryRun === true,
    refused: ["detach"],
    because: "--dry-run prints the command of a guest in the foreground",
  },
  {
    is: ({ missingFiles }) => missingFiles !== true,
    refused: ["json"],
    because: "only what --missing-files finds is printed as JSON",
  },
  {
    is: ({ missingFiles }) => missingFiles === true,
    refused: [
      ...(["detach", "dryRun", "timeout", "grace", "accel", "append", "icount", "memory", "smp"] as const),
      ...(["port", "net", "volume", "disk", "user"] as const),
    ],
    because: "--missing-files runs the program on this machine, as who you are",
  },
];

function isGiven(value: RunFlags[Refusable]): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

async function printMissing(
  targets: readonly string[],
  flags: RunFlags,
  { terminal, programArguments }: Invocation,
): Promise<void> {
  const found = await findMissingFiles(await readConfiguration(targets, flags, programArguments));
  terminal.print(flags.json ? `${JSON.stringify(found, undefined, 2)}\n` : formatMissing(found));
}

type Work = (request: RunRequest, timeoutSeconds: number | undefined) => Promise<void>;

/** Calls `work` with the image that the targets name, or with one built from them for this run. */
async function withImage(
  targets: readonly string[],
  flags: RunFlags,
  { terminal, programArguments }: Invocation,
  work: Work,
): Promise<void> {
  const onNote = (text: string) => void terminal.say(`note: ${text}\n`);
  const machine = {
    ...{ kernelArguments: flags.append, instructionCount: flags.icount === true, onNote },
    ...(flags.guest === undefined ? {} : { guestName: flags.guest }),
  };
  const [first, ...others] = targets;
  const image = first !== undefined && others.length === 0 ? await findImage(first) : undefined;
  if (first !== undefined && image !== undefined) {
    const { configuration, unused } = await readRunConfiguration(first, flags, programArguments);
    if (unused.length > 0)
      onNote(`${first} is built already: ${unused.join(", ")} of ${flags.config} are for builds`);
    const said = {
      mode: flags.mode !== undefined,
      accelerator: flags.accel !== undefined,
      args: programArguments,
    };
    const { timeoutSeconds, ...settings } = settingsOfImage(configuration, said, image.manifest);
    return work({ ...machine, ...settings, imagePath: first, image }, timeoutSeconds);
  }
  const configuration = await readConfiguration(targets, flags, programArguments);
  await withScratchDirectory(async (scratch) => {
    const output = join(scratch, `${imageName(configuration)}.elf`);
    const progress = progressPrinter(terminal);
    const isUrgent = configuration.kernel.base === undefined;
    const request = { configuration, output, bzImage: false, isUrgent, onProgress: progress.show };
    const { kernelChoice, notes } = await build(request).finally(progress.end);
    notes.forEach(onNote);
    if (kernelChoice.because !== undefined) onNote(`generic kernel: ${kernelChoice.because}`);
    const { timeoutSeconds, ...settings } = settingsOfBuilt(configuration);
    await work({ ...machine, ...settings, imagePath: output }, timeoutSeconds);
  });
}
