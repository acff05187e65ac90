// SPDX-License-Identifier: MIT
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LineStamps } from "../../src/cli/stamps.js";
import { keptBytes } from "../../src/vm/console-file.js";
import { LogReader } from "../../src/vm/log.js";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ukl-log-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const append = (name: string, bytes: string | Uint8Array) => appendFileSync(join(directory, name), bytes);

/** An entry as the kernel's driver writes it: two numbers of eight bytes, the lower byte first. */
function entry(timeMs: number, port: number, end: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(BigInt(timeMs) * 1_000_000n);
  bytes.writeBigUInt64LE((BigInt(port) << 56n) | BigInt(end), 8);
  return bytes;
}

async function read(log: LogReader, isLast: boolean) {
  const pieces: string[] = [];
  for await (const { stream, bytes, timeMs } of log.read(isLast)) {
    pieces.push(`${stream} ${timeMs ?? "-"} ${Buffer.from(bytes)}`);
  }
  return pieces;
}

test("pieces come in the order in which they were written, each once", async () => {
  append("stdout", "one\ntwo\n");
  append("stderr", "oops\n");
  append("console", "panic\n");
  append("words.out", Buffer.concat([entry(1000, 2, 4), entry(2000, 3, 5), entry(3000, 2, 8)]));
  const log = new LogReader(directory);
  expect(await read(log, false)).toEqual([
    "stdout 1000 one\n",
    "stderr 2000 oops\n",
    "stdout 3000 two\n",
    "console - panic\n",
  ]);
  expect(await read(log, false)).toEqual([]);
  append("stdout", "three\n");
  expect(await read(log, false)).toEqual([]);
  const late = entry(4000, 2, 14);
  append("words.out", late.subarray(0, 7));
  expect(await read(log, false)).toEqual([]);
  append("words.out", late.subarray(7));
  expect(await read(log, false)).toEqual(["stdout 4000 three\n"]);
});

test("what the journal does not know of comes at the end, without a time", async () => {
  append("stdout", "one\n");
  append("stderr", "oops\n");
  expect(await read(new LogReader(directory), true)).toEqual(["stdout - one\n", "stderr - oops\n"]);
  expect(await read(new LogReader(join(directory, "none")), true)).toEqual([]);
});

test("a journal that says too much gives what is there", async () => {
  append("stdout", "one\n");
  append(
    "words.out",
    Buffer.concat([entry(1, 2, 2 ** 47), entry(2, 9, 3), entry(3, 2, 1), Buffer.alloc(5, 255)]),
  );
  expect(await read(new LogReader(directory), true)).toEqual(["stdout 1 one\n"]);
});

test("of a log that is longer than what is kept the newest part is read", async () => {
  writeFileSync(join(directory, "stdout"), "old\n");
  truncateSync(join(directory, "stdout"), keptBytes);
  append("stdout", "new\n");
  append("words.out", Buffer.concat([entry(1, 2, 4), entry(2, 2, keptBytes + 4)]));
  const pieces: Uint8Array[] = [];
  for await (const { bytes } of new LogReader(directory).read(true)) pieces.push(Uint8Array.from(bytes));
  const text = Buffer.concat(pieces);
  expect([text.length, text.subarray(-4).toString(), text.includes("old")]).toEqual([
    keptBytes,
    "new\n",
    false,
  ]);
});

test("a line has the time of its first byte", () => {
  const stamps = new LineStamps();
  const put = (text: string, timeMs?: number) =>
    Buffer.from(stamps.put(Buffer.from(text), timeMs)).toString();
  expect([put("on", 0), put("e\n\ntwo", 1000), put("\nthree\n")].join("")).toBe(
    "1970-01-01T00:00:00.000Z one\n1970-01-01T00:00:01.000Z \n1970-01-01T00:00:01.000Z two\n- three\n",
  );
});
