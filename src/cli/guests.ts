// SPDX-License-Identifier: MIT
/** `ukl ps`, `logs`, `stop`, `signal`, `wait` and `rm`: guests that `ukl run -d` started. */
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { UklError } from "../errors.js";
import { GuestStore } from "../guests/store.js";
import {
  type Guest,
  guestLog,
  lookAt,
  removeGuest,
  signalGuest,
  stopGuest,
  waitForGuest,
} from "../guests.js";
import { stateDirectory } from "../host/places.js";
import { parseSignal } from "../host/signals.js";
import { formatGuests } from "../report.js";
import { positiveNumber } from "./options.js";
import { LineStamps } from "./stamps.js";
import { type Invocation, type Terminal, writeAll } from "./terminal.js";

export function guestStore(): GuestStore {
  return new GuestStore(join(stateDirectory(), "guests"));
}

export function addGuests(program: Command, { terminal, setStatus }: Invocation): void {
  program
    .command("ps")
    .description("the guests that run by themselves")
    .option("-a, --all", "those that have ended too")
    .option("--json", "print as JSON")
    .action(async (flags: { all?: true; json?: true }) => list(terminal, flags));
  program
    .command("logs")
    .description("what a guest printed")
    .argument("<name>")
    .option("-f, --follow", "go on until the guest ends")
    .option("-t, --timestamps", "put in front of each line when it was written")
    .action(async (name: string, flags: LogFlags) => printLog(name, flags, terminal));
  program
    .command("stop")
    .description("end the programs of guests, and their machines when they take too long")
    .argument("<name...>")
    .option("--grace <seconds>", "how long a program may take", positiveNumber, 10)
    .option("--signal <name>", "what it gets (default: what its image asks for, or TERM)", signalNumber)
    .action(async (names: string[], { grace, signal }: { grace: number; signal?: number }) => {
      const options = { graceMs: 1000 * grace, ...(signal === undefined ? {} : { signal }) };
      await forEach(names, terminal, (name) => stopGuest(guestStore(), name, options));
    });
  program
    .command("signal")
    .description("send a signal to a guest's program, such as HUP")
    .argument("<name>")
    .argument("<signal>", "a name or a number", signalNumber)
    .action(async (name: string, signal: number) => signalGuest(guestStore(), name, signal));
  program
    .command("wait")
    .description("wait for a guest's end, and return its program's exit status")
    .argument("<name>")
    .action(async (name: string) => setStatus(await waitForGuest(guestStore(), name)));
  program
    .command("rm")
    .description("forget guests that have ended")
    .argument("<name...>")
    .option("-f, --force", "end those that run")
    .action(async (names: string[], flags: { force?: true }) => {
      await forEach(names, terminal, (name) => removeGuest(guestStore(), name, flags.force === true));
    });
}

interface LogFlags {
  readonly follow?: true;
  readonly timestamps?: true;
}

/** Standard output and standard error apart, as the program wrote them; the kernel's words with the latter. */
async function printLog(name: string, { follow, timestamps }: LogFlags, terminal: Terminal): Promise<void> {
  const stamps = { stdout: new LineStamps(), stderr: new LineStamps(), console: new LineStamps() };
  for await (const { stream, bytes, timeMs } of guestLog(guestStore(), name, follow === true)) {
    const sink = stream === "stdout" ? terminal.stdout : terminal.stderr;
    const stamped = timestamps ? stamps[stream].put(bytes, timeMs) : bytes;
    if (!(await writeAll(sink, stamped))) return;
  }
}

/** A guest whose state cannot be read does not hide the others. */
async function list(terminal: Terminal, flags: { all?: true; json?: true }): Promise<void> {
  const store = guestStore();
  const guests: Guest[] = [];
  const failures: unknown[] = [];
  for (const name of await store.names()) {
    const guest = await lookAt(store, name).catch((error: unknown) => void failures.push(error));
    if (guest && (flags.all || guest.state === "running" || guest.state === "starting")) guests.push(guest);
  }
  terminal.print(flags.json ? `${JSON.stringify(guests, undefined, 2)}\n` : formatGuests(guests));
  // One that was removed meanwhile is none.
  const failure = failures.find((error) => !(error instanceof UklError && error.code === "UKL-611"));
  if (failure !== undefined) throw failure;
}

/** All at once; each name is printed when it is done, and the first failure is thrown when all have been tried. */
async function forEach(
  names: readonly string[],
  { print }: Terminal,
  work: (name: string) => Promise<void>,
): Promise<void> {
  const outcomes = await Promise.allSettled(
    [...new Set(names)].map(async (name) => {
      await work(name);
      print(`${name}\n`);
    }),
  );
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

function signalNumber(text: string): number {
  const number = parseSignal(text);
  if (number !== undefined) return number;
  throw new InvalidArgumentError("It is no signal.");
}
