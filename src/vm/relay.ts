// SPDX-License-Identifier: MIT
/** The way of bytes between a machine's lines and who gives and takes them here. */
import type { Duplex, Readable, Writable } from "node:stream";
import type { RunningTool } from "../host/spawn.js";
import { furtherStreams } from "./command.js";
import { endOfInput } from "./guest-contract.js";

/** Takes bytes of a guest; returns or resolves to false when nobody takes them any more. */
export type Sink = (chunk: Uint8Array) => unknown;

/** Our ends of a machine's lines. */
export interface MachineLines {
  readonly console: Readable;
  readonly keyboard: Writable;
  readonly control: Readable;
  readonly words: Writable;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
}

export function linesOf({ stdin: keyboard, stdout: console, further }: RunningTool): MachineLines {
  const named = Object.fromEntries(furtherStreams.map((name, index) => [name, further[index]]));
  return { keyboard, console, ...(named as Record<(typeof furtherStreams)[number], Duplex>) };
}

/**
 * Hands over what comes until it ends. Where nobody takes it the line is closed, which the guest is told by the device;
 * a line that breaks has ended.
 */
export async function relay(line: Readable, sink: Sink | undefined): Promise<void> {
  const chunks = line[Symbol.asyncIterator]();
  for (;;) {
    const next = await chunks.next().catch(() => undefined);
    if (next === undefined || next.done === true) return;
    if ((await sink?.(next.value)) === false) {
      line.destroy();
      return;
    }
  }
}

/** Sends `source` to a stream of the guest, then the end of file. Throws when reading fails, not when writing does. */
export async function feedStream(line: Writable, source: Readable | undefined): Promise<void> {
  for await (const chunk of source ?? []) if (!(await send(line, Buffer.from(chunk)))) return;
  line.end();
}

/** The same for a console: a terminal gets what is typed as it is, and a pipe its end of file. */
export async function feedConsole(
  keyboard: Writable,
  source: Readable | undefined,
  isTerminal: boolean,
): Promise<void> {
  let lastByte: number | undefined;
  for await (const chunk of source ?? []) {
    const bytes = Buffer.from(chunk);
    lastByte = bytes.at(-1) ?? lastByte;
    if (!(await send(keyboard, bytes))) return;
  }
  await send(keyboard, endOfInput(isTerminal ? undefined : lastByte));
}

/** Whether the bytes could be handed over; settles when the other side has taken them. */
function send(stream: Writable, bytes: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve(false);
    else stream.write(bytes, (error) => resolve(error === null || error === undefined));
  });
}

/** Remembers the end of a stream, as the chunks it came in: they are many and may be single bytes. */
export class Tail {
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
