// SPDX-License-Identifier: MIT
// Inspects thousands of damaged ELF files. A crash, more than 5 s of processor time for one, and a process of more than
// 1 GiB are failures, each told with what repeats it alone. Needs `npm run build`, gcc, musl-gcc and go.
//
//   --count N    how many files (10000)
//   --seed N     which ones (1)
//   --index N    this one alone
//   --keep DIR   keeps the files it is made from, and the last damaged one, in DIR
import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { makeBases } from "./mutate/bases.js";

const timeLimitMs = 5000;
/** Until a process that does not answer is ended: on a busy machine 5 s of work take longer. */
const patienceMs = 60_000;
const memoryLimitBytes = 2 ** 30;
/** Inspections that one process makes. */
const perProcess = 500;

const { values: flags } = parseArgs({
  options: {
    count: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    index: { type: "string" },
    keep: { type: "string" },
  },
});

const directory = resolve(flags.keep ?? mkdtempSync(join(tmpdir(), "ukl-mutate-")));
const totals = { files: 0, outcomes: new Map(), slowest: { timeMs: 0 }, highestBytes: 0, failures: 0 };
try {
  mkdirSync(directory, { recursive: true });
  makeBases(directory);
  const first = Number(flags.index ?? 0);
  const end = flags.index === undefined ? Number(flags.count) : first + 1;
  for (let index = first; index < end; ) index = await inspectFrom(index, Math.min(end, index + perProcess));
  process.stdout.write(`${summary()}\n`);
  process.exitCode = totals.failures === 0 ? 0 : 1;
} finally {
  if (flags.keep === undefined) rmSync(directory, { recursive: true, force: true });
}

/** Has a new process inspect files up to `end`. Returns the index to go on with: earlier after a failure. */
async function inspectFrom(start, end) {
  const worker = fork(new URL("mutate/worker.js", import.meta.url), [directory, flags.seed]);
  try {
    for (let index = start; index < end; index++) {
      const answer = await ask(worker, index);
      if (typeof answer === "string") fail(index, answer);
      else count(answer);
      if (typeof answer === "string" || answer.highestBytes > memoryLimitBytes) return index + 1;
    }
    return end;
  } finally {
    worker.kill("SIGKILL");
  }
}

/** What the process tells of a file, or why it does not. */
async function ask(worker, index) {
  const controller = new AbortController();
  const answered = new Promise((done) => {
    worker.once("message", done);
    worker.once("exit", (status, signal) => done(`the process ended with ${signal ?? status}`));
  });
  const late = sleep(patienceMs, `no answer within ${patienceMs} ms`, { signal: controller.signal }).catch(
    () => undefined,
  );
  worker.send(index);
  const answer = await Promise.race([answered, late]);
  controller.abort();
  worker.removeAllListeners();
  return answer;
}

function count({ index, name, outcome, timeMs, highestBytes }) {
  totals.files++;
  const kind = typeof outcome === "string" ? outcome : "crash";
  totals.outcomes.set(kind, (totals.outcomes.get(kind) ?? 0) + 1);
  if (timeMs > totals.slowest.timeMs) totals.slowest = { timeMs, index, name };
  totals.highestBytes = Math.max(totals.highestBytes, highestBytes);
  if (kind === "crash") fail(index, outcome.crash);
  if (timeMs > timeLimitMs) fail(index, `it takes ${timeMs} ms`);
  if (highestBytes > memoryLimitBytes) fail(index, `the process has ${mebibytes(highestBytes)} MiB`);
}

function fail(index, why) {
  totals.failures++;
  const again = `node scripts/mutate-inspect.js --seed ${flags.seed} --index ${index} --keep DIR`;
  process.stderr.write(`index ${index}: ${why}\n  again: ${again}\n`);
}

function summary() {
  const { files, outcomes, slowest, highestBytes, failures } = totals;
  const errors = [...outcomes].filter(([kind]) => kind.startsWith("UKL-")).sort();
  const errorCount = errors.reduce((sum, [, each]) => sum + each, 0);
  const codes = errors.map(([code, each]) => `${code} ${each}`).join(", ");
  return [
    `seed ${flags.seed}: ${files} files, ${outcomes.get("report") ?? 0} reports`,
    `${errorCount} errors (${codes})`,
    `slowest ${slowest.timeMs} ms (${slowest.name}, index ${slowest.index})`,
    `highest RSS ${mebibytes(highestBytes)} MiB`,
    `${failures} failures`,
  ].join(", ");
}

function mebibytes(bytes) {
  return Math.round(bytes / 2 ** 20);
}
