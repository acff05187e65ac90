// SPDX-License-Identifier: MIT
/**
 * Limits of time that follow the machine. A limit tells what hangs from what is slow: it was chosen on one machine that
 * had nothing else to do, and this one may be slower, or busy.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Of processor time for `compute`, where the limits were chosen. */
const referenceMs = 26;
/** What else runs can come and go while a test waits, so a limit never counts on less than this. */
const leastFactor = 2;
/** A test's own limit is beyond those within it, which say better what did not come. */
const beyond = 2;

/** `limitMs` of the machine that it was chosen on, for this machine at this moment. */
export function patience(limitMs: number): number {
  const load = readFileSync("/proc/loadavg", "latin1");
  return Math.ceil(limitMs * factorOf(slowness(), load, availableParallelism()));
}

/** The same for a test as a whole: the limit that Vitest is given. */
export function testLimit(limitMs: number): number {
  return beyond * patience(limitMs);
}

/** `load` is what /proc/loadavg says: of the last minute and of this moment, whichever is more, and half as much again. */
export function factorOf(slower: number, load: string, processors: number): number {
  const [lastMinute, , , tasks = ""] = load.split(" ");
  const running = Math.max(Number(lastMinute), Number(tasks.split("/")[0]));
  return Math.max(leastFactor, 1.5 * slower * Math.max(1, running / processors));
}

let measured: number | undefined;

/** How much more processor time this machine takes for the same work. What else it does makes no difference. */
function slowness(): number {
  measured ??= Math.max(1, Math.min(...[1, 2, 3].map(computeMs)) / referenceMs);
  return measured;
}

function computeMs(): number {
  const begin = process.cpuUsage();
  compute();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1000;
}

/** FNV-1a over twenty million bytes: integer work that no special instruction does. */
function compute(): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < 20_000_000; index++) hash = Math.imul(hash ^ (index & 0xff), 0x01000193);
  return hash;
}
