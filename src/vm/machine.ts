// SPDX-License-Identifier: MIT
/**
 * One run of one virtual machine: starts QEMU, relays console and control channel, and sees to it that QEMU
 * is gone when this is over, however it ends. What the outcome means is for the caller to say.
 */
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import type { Command } from "../host/exec.js";
import { type RunningTool, start, type ToolEnd } from "../host/spawn.js";
import { type ControlMessage, ControlReader, endOfInput } from "./guest-contract.js";

export interface ConsoleOptions {
  /**
   * The guest's stdin; none is an empty one. It is read from the moment the application starts, and destroyed
   * when the machine has ended, because an unread terminal would keep the process alive.
   */
  readonly stdin?: Readable;
  /**
   * Numbers of signals for the application, a byte each. They are read from the moment the application starts; the
   * stream is destroyed then if the guest takes none, and in any case when the machine has ended.
   */
  readonly signals?: Readable;
  /** Takes the console's bytes. While a promise it returned is pending, the guest's output waits. */
  readonly onConsole?: (chunk: Uint8Array) => void | Promise<void>;
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
/** Far more than any guest has to say; the rest is dropped, since the guest may write without end. */
const maxMessages = 1024;
/** But for these, each of which is kept once: how the application fared. */
const lasting: ReadonlySet<ControlMessage["kind"]> = new Set(["signals", "start", "error", "exit"]);

type Halt =
  | { readonly kind: "timeout" }
  | { readonly kind: "aborted" }
  | { readonly kind: "failed"; readonly error: unknown };

/** Runs a machine to its end. Throws UKL-401, the reason of `signal`, and what `stdin` or `onConsole` throw. */
export async function boot(command: Command, options: ConsoleOptions = {}): Promise<BootOutcome> {
  options.signal?.throwIfAborted();
  const beginMs = performance.now();
  const qemu = start(command, options.connection === undefined ? [] : [options.connection]);
  if (qemu.pid !== undefined) options.onProcess?.(qemu.pid);
  const halting = new Halting(() => qemu.kill(), options);
  const tail = new Tail(consoleTailBytes);
  const messages: ControlMessage[] = [];
  let startMs: number | undefined;
  let resetTimer: NodeJS.Timeout | undefined;
  try {
    const console = relayConsole(qemu.stdout, tail, options.onConsole).catch(halting.fail);
    const control = relayControl(qemu.fromProgram, (message) => {
      if (messages.length < maxMessages || isLasting(message, messages)) messages.push(message);
      if (message.kind === "start" && startMs === undefined) {
        startMs = performance.now() - beginMs;
        feed(qemu, options.stdin).catch(halting.fail);
        options.onStart?.().catch(halting.fail);
        if (messages.some(({ kind }) => kind === "signals")) options.signals?.pipe(qemu.toProgram);
        else options.signals?.destroy();
      }
      if (message.kind === "exit") resetTimer ??= setTimeout(() => qemu.kill(), resetGraceMs);
    });
    const end = await qemu.ended;
    const totalMs = performance.now() - beginMs;
    await control;
    const halt = await Promise.race([halting.halted, console.then(() => halting.current)]);
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
    options.signals?.destroy();
    for (const stream of [qemu.stdin, qemu.stdout, qemu.fromProgram, qemu.toProgram]) stream.destroy();
  }
}

function isLasting({ kind }: ControlMessage, earlier: readonly ControlMessage[]): boolean {
  return lasting.has(kind) && !earlier.some((message) => message.kind === kind);
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

async function relayConsole(
  stdout: Readable,
  tail: Tail,
  onConsole: ConsoleOptions["onConsole"],
): Promise<void> {
  for await (const chunk of stdout) {
    tail.add(chunk);
    await onConsole?.(chunk);
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

/** Sends `source` to the guest, then the end of file. Throws when reading fails, not when writing does. */
async function feed({ stdin }: RunningTool, source: Readable | undefined): Promise<void> {
  let lastByte: number | undefined;
  for await (const chunk of source ?? []) {
    const bytes = Buffer.from(chunk);
    lastByte = bytes.at(-1) ?? lastByte;
    if (!(await send(stdin, bytes))) return;
  }
  await send(stdin, endOfInput(lastByte));
}

/** Whether the bytes could be handed to QEMU; settles when it has taken them. */
function send(stream: Writable, bytes: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve(false);
    else stream.write(bytes, (error) => resolve(error === null || error === undefined));
  });
}

/** Remembers the end of a stream, as the chunks it came in: they are many and may be single bytes. */
class Tail {
  readonly #chunks: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor(readonly limitBytes: number) {}

  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#sizeBytes += chunk.length;
    for (let first = this.#chunks[0]; first !== undefined; first = this.#chunks[0]) {
      if (this.#sizeBytes - first.length < this.limitBytes) break;
      this.#sizeBytes -= first.length;
      this.#chunks.shift();
    }
  }

  text(): string {
    const bytes = Buffer.concat(this.#chunks).subarray(-this.limitBytes);
    return bytes.toString().replaceAll("\r\n", "\n");
  }
}
