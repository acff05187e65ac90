// SPDX-License-Identifier: MIT
/**
 * One run of one virtual machine: starts QEMU, relays console and control channel, and sees to it that QEMU
 * is gone when this is over, however it ends. What the outcome means is for the caller to say.
 */
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { Command } from "../host/exec.js";
import { start, type ToolEnd } from "../host/spawn.js";
import { furtherStreams } from "./command.js";
import { type ControlMessage, ControlReader } from "./guest-contract.js";
import { feedConsole, feedStream, linesOf, type MachineLines, relay, type Sink, Tail } from "./relay.js";
import { hasTerminal, type Stdio, streams } from "./stdio.js";

export interface ConsoleOptions {
  /**
   * The guest's stdin; none is an empty one. It is read from the moment the application starts, and destroyed
   * when the machine has ended, because an unread terminal would keep the process alive.
   */
  readonly stdin?: Readable;
  /**
   * What the guest's init is told (guest-contract.ts, port 0). It is read from the moment the application starts; the
   * stream is destroyed then if the guest does not listen, and in any case when the machine has ended.
   */
  readonly words?: Readable;
  /** As the machine was told. Default: streams. */
  readonly stdio?: Stdio;
  /**
   * Takes what the program writes to standard output, unless that is a terminal. While a promise it returned is pending,
   * the guest's output waits. When it returns or resolves to false nobody takes it any more, and the program is told.
   */
  readonly onOutput?: Sink;
  /** Takes its standard error in the same way. */
  readonly onErrors?: Sink;
  /** Takes what comes on the console: the kernel's own words, and all of a terminal. */
  readonly onConsole?: Sink;
  /** The machine is ended after this time. */
  readonly timeoutMs?: number;
  /** QEMU's end of a connection that its command names by `inheritedFd`. */
  readonly connection?: Socket;
  /** Called with QEMU's process when it has been started. */
  readonly onProcess?: (pid: number) => void;
  /** Called when the application starts. The machine is ended when it rejects, and `boot` throws the same. */
  readonly onStart?: () => Promise<void>;
  /** Ends the machine; `boot` then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface TimingsMs {
  /** From the start of QEMU until the guest said `start`; absent when it did not. */
  readonly start?: number;
  /** From the start of QEMU until it was gone. */
  readonly total: number;
}

export interface BootOutcome {
  readonly messages: readonly ControlMessage[];
  readonly timedOut: boolean;
  readonly timingsMs: TimingsMs;
  /** The last lines of the console. */
  readonly consoleTail: string;
  readonly qemu: ToolEnd;
}

/** A guest that said `exit` resets at once; one that fails to is ended after this time. */
const resetGraceMs = 5000;
/** Holds a kernel panic with its trace. */
export const consoleTailBytes = 16 * 1024;
/** Far more than any guest has to say; the rest is ignored, since the guest may write without end. */
const maxMessages = 1024;

type Halt =
  | { readonly kind: "timeout" }
  | { readonly kind: "aborted" }
  | { readonly kind: "failed"; readonly error: unknown };

/**
 * Runs a machine to its end. Throws UKL-401, the reason of `signal`, and what `stdin` or a sink throws. What the program
 * wrote has been taken when this returns.
 */
export async function boot(command: Command, options: ConsoleOptions = {}): Promise<BootOutcome> {
  options.signal?.throwIfAborted();
  const beginMs = performance.now();
  const inherited = options.connection === undefined ? [] : [options.connection];
  const qemu = start(command, { further: furtherStreams.length, inherited });
  if (qemu.pid !== undefined) options.onProcess?.(qemu.pid);
  const lines = linesOf(qemu);
  const halting = new Halting(() => qemu.kill(), options);
  const tail = new Tail(consoleTailBytes);
  const messages: ControlMessage[] = [];
  let startMs: number | undefined;
  let resetTimer: NodeJS.Timeout | undefined;
  const hasStreams = () => messages.some(({ kind }) => kind === "streams");
  // In a machine without streams the console is the program's.
  const isForProgram = () => startMs !== undefined && !hasStreams();
  try {
    const relayed = Promise.all([
      relay(lines.console, (chunk) => {
        tail.add(chunk);
        return (isForProgram() ? options.onOutput : options.onConsole)?.(chunk);
      }),
      relay(lines.stdout, options.onOutput),
      relay(lines.stderr, options.onErrors),
    ]).catch(halting.fail);
    const control = relayControl(lines.control, (message) => {
      if (messages.length < maxMessages) messages.push(message);
      if (message.kind === "start" && startMs === undefined) {
        startMs = performance.now() - beginMs;
        feed(lines, options, hasStreams()).catch(halting.fail);
        options.onStart?.().catch(halting.fail);
        if (hasStreams()) options.words?.pipe(lines.words);
        else options.words?.destroy();
      }
      if (message.kind === "exit") resetTimer ??= setTimeout(() => qemu.kill(), resetGraceMs);
    });
    const end = await qemu.ended;
    const totalMs = performance.now() - beginMs;
    await control;
    const halt = await Promise.race([halting.halted, relayed.then(() => halting.current)]);
    if (halt?.kind === "failed") throw halt.error;
    if (halt?.kind === "aborted") throw options.signal?.reason;
    return {
      messages,
      timedOut: halt?.kind === "timeout",
      timingsMs: { ...(startMs === undefined ? {} : { start: startMs }), total: totalMs },
      consoleTail: tail.text(),
      qemu: end,
    };
  } finally {
    halting.dispose();
    clearTimeout(resetTimer);
    options.stdin?.destroy();
    options.words?.destroy();
    for (const stream of Object.values(lines)) stream.destroy();
  }
}

/** Gives the program its input, where it is to find it. */
function feed(
  lines: MachineLines,
  { stdin, stdio = streams }: ConsoleOptions,
  hasStreams: boolean,
): Promise<void> {
  if (hasStreams && stdio.input === "stream") return feedStream(lines.stdin, stdin);
  return feedConsole(lines.keyboard, stdin, hasTerminal(stdio));
}

/** The first reason for which the machine has to end before its time. */
class Halting {
  current: Halt | undefined;
  readonly halted: Promise<Halt>;
  readonly #kill: () => void;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #signal: AbortSignal | undefined;
  #settle: (halt: Halt) => void = () => undefined;

  constructor(kill: () => void, { timeoutMs, signal }: ConsoleOptions) {
    this.#kill = kill;
    this.halted = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
    this.#timer =
      timeoutMs === undefined ? undefined : setTimeout(() => this.#halt({ kind: "timeout" }), timeoutMs);
  }

  readonly fail = (error: unknown): void => this.#halt({ kind: "failed", error });

  dispose(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
  }

  readonly #abort = (): void => this.#halt({ kind: "aborted" });

  #halt(halt: Halt): void {
    this.current ??= halt;
    this.#settle(this.current);
    this.#kill();
  }
}

async function relayControl(control: Readable, onMessage: (message: ControlMessage) => void): Promise<void> {
  const reader = new ControlReader();
  try {
    for await (const chunk of control) reader.read(chunk).forEach(onMessage);
  } catch {
    // A reset connection ends like a closed one: QEMU is gone, and `ended` tells how.
  }
}
