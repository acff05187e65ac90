// SPDX-License-Identifier: MIT
/**
 * The log of a machine that runs by itself: its files, put together again in the order in which they were written. The
 * journal has an entry of 16 bytes for each write: the time in nanoseconds since 1970, the position behind the write, and
 * in the highest byte the port (drivers/char/guest_streams.c in kernel/patches). All of it is the guest's word.
 */
import { consoleFile, errorsFile, journalFile, outputFile, readLog } from "./console-file.js";

export type LogStream = "stdout" | "stderr" | "console";

export interface LogPiece {
  readonly stream: LogStream;
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970; of the console nobody writes it down. */
  readonly timeMs?: number;
}

const files: Readonly<Record<LogStream, string>> = {
  stdout: outputFile,
  stderr: errorsFile,
  console: consoleFile,
};

const entryBytes = 16;
const streamsByPort: Readonly<Record<number, "stdout" | "stderr">> = { 2: "stdout", 3: "stderr" };

interface Entry {
  readonly stream: "stdout" | "stderr";
  readonly end: number;
  readonly timeMs: number;
}

export class LogReader {
  readonly #positions: Record<LogStream, number> = { stdout: 0, stderr: 0, console: 0 };
  #journalPosition = 0;
  #rest: Uint8Array = new Uint8Array();

  constructor(readonly directory: string) {}

  /** What has come since the last call. With `isLast` also what the journal does not know of. */
  async *read(isLast: boolean): AsyncGenerator<LogPiece> {
    for (const { stream, end, timeMs } of joined(await this.#newEntries())) {
      yield* this.#upTo(stream, end, timeMs);
    }
    yield* this.#upTo("console", Number.POSITIVE_INFINITY);
    if (!isLast) return;
    yield* this.#upTo("stdout", Number.POSITIVE_INFINITY);
    yield* this.#upTo("stderr", Number.POSITIVE_INFINITY);
  }

  async *#upTo(stream: LogStream, end: number, timeMs?: number): AsyncGenerator<LogPiece> {
    const chunks = readLog(this.directory, files[stream], this.#positions[stream], end);
    for (;;) {
      const { done, value } = await chunks.next();
      if (done) {
        this.#positions[stream] = value;
        return;
      }
      yield { stream, bytes: value, ...(timeMs === undefined ? {} : { timeMs }) };
    }
  }

  async #newEntries(): Promise<readonly Entry[]> {
    const entries: Entry[] = [];
    const chunks = readLog(this.directory, journalFile, this.#journalPosition);
    for (;;) {
      const { done, value } = await chunks.next();
      if (done) {
        this.#journalPosition = value;
        return entries;
      }
      const bytes = Buffer.concat([this.#rest, value]);
      const whole = bytes.length - (bytes.length % entryBytes);
      for (let offset = 0; offset < whole; offset += entryBytes) entries.push(...entryAt(bytes, offset));
      this.#rest = bytes.subarray(whole);
    }
  }
}

function entryAt(bytes: Buffer, offset: number): readonly Entry[] {
  const stream = streamsByPort[bytes.readUInt8(offset + entryBytes - 1)];
  if (stream === undefined) return [];
  const timeMs = Number(bytes.readBigUInt64LE(offset) / 1_000_000n);
  return [{ stream, timeMs, end: bytes.readUIntLE(offset + 8, 6) }];
}

/** Entries of one stream and one millisecond are one piece. */
function joined(entries: readonly Entry[]): readonly Entry[] {
  return entries.filter((entry, index) => {
    const next = entries[index + 1];
    return next === undefined || next.stream !== entry.stream || next.timeMs !== entry.timeMs;
  });
}
