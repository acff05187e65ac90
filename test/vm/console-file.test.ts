// SPDX-License-Identifier: MIT
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startBeside } from "../../src/host/detached.js";
import {
  consoleFile,
  consoleTail,
  controlFile,
  controlHeadBytes,
  controlTailBytes,
  keptBytes,
  readLog,
  trimCommand,
} from "../../src/vm/console-file.js";
import { patience } from "../support/patience.js";
import { processesWith } from "../support/processes.js";

const mib = 1024 ** 2;
let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ukl-console-"));
  path = join(directory, consoleFile);
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const diskBytes = () => statSync(path).blocks * 512;
const running = () => processesWith(directory).length;

async function read(start: number) {
  const chunks: Uint8Array[] = [];
  const reading = readLog(directory, consoleFile, start);
  for (;;) {
    const { done, value } = await reading.next();
    if (done) return { text: Buffer.concat(chunks), position: value };
    chunks.push(Uint8Array.from(value));
  }
}

test("of a file that grows the newest part is kept, for as long as somebody holds the line", async () => {
  writeFileSync(path, Buffer.alloc(8 * mib, "old\n"));
  const lifeline = await startBeside(trimCommand(directory, 2 * mib, 0.1));
  await expect.poll(diskBytes, { timeout: patience(20_000) }).toBeLessThanOrEqual(3 * mib);
  expect(statSync(path).size).toBe(8 * mib);
  appendFileSync(path, Buffer.alloc(4 * mib, "new\n"));
  await expect.poll(diskBytes, { timeout: patience(20_000) }).toBeLessThanOrEqual(3 * mib);
  const { text, position } = await read(10 * mib);
  expect([text.equals(Buffer.alloc(2 * mib, "new\n")), position]).toEqual([true, 12 * mib]);
  expect(running()).toBeGreaterThan(0);
  lifeline.destroy();
  await expect.poll(running, { timeout: patience(5000) }).toBe(0);
});

test("a file that is small, or gone, is left alone", async () => {
  writeFileSync(path, "all of it\n");
  const lifeline = await startBeside(trimCommand(directory, mib, 0.1));
  await sleep(400);
  expect((await read(0)).text.toString()).toBe("all of it\n");
  rmSync(path);
  await sleep(400);
  expect(running()).toBeGreaterThan(0);
  lifeline.destroy();
  await expect.poll(running, { timeout: patience(5000) }).toBe(0);
});

test("reading begins where the kept part does, and goes on from any position", async () => {
  writeFileSync(path, Buffer.alloc(keptBytes + mib, "line\n"));
  const first = await read(0);
  expect([first.text.length, first.position]).toEqual([keptBytes, keptBytes + mib]);
  appendFileSync(path, "more\n");
  expect((await read(first.position)).text.toString()).toBe("more\n");
  expect(await consoleTail(directory, 5)).toBe("more\n");
});

test("a guest that never had a machine has printed nothing", async () => {
  expect(await read(0)).toMatchObject({ position: 0 });
  expect(await consoleTail(directory, 5)).toBe("");
});

test("of what a machine says of its application the beginning and the end are kept", async () => {
  const control = join(directory, controlFile);
  writeFileSync(control, Buffer.alloc(8 * mib, "said\n"));
  const lifeline = await startBeside(trimCommand(directory, mib, 0.1));
  const kept = controlHeadBytes + controlTailBytes;
  await expect
    .poll(() => statSync(control).blocks * 512, { timeout: patience(20_000) })
    .toBeLessThanOrEqual(2 * kept);
  const bytes = readFileSync(control);
  expect(bytes.length).toBe(8 * mib);
  for (const part of [bytes.subarray(0, controlHeadBytes), bytes.subarray(-controlTailBytes)])
    expect(part.includes(0)).toBe(false);
  lifeline.destroy();
  await expect.poll(running, { timeout: patience(5000) }).toBe(0);
});
