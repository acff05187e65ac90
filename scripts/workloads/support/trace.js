// SPDX-License-Identifier: MIT
// Reads what strace wrote of a workload, as `ukl inspect --trace` does (src/inspect/trace-reader.ts): the names of the
// calls a program made, all of them and those after `main` began.
import { closeSync, openSync, readSync } from "node:fs";
import { TraceReader } from "../../../dist/inspect/trace-reader.js";

/** Set by marker.c right before main. */
const isMark = ({ name, text }) => name === "close" && text.startsWith("-4242)");
const chunkBytes = 1 << 20;

/**
 * `isTarget` says whether a path names the traced program.
 * Returns the names seen, the names seen after main, and whether a mark was there at all.
 */
export function readTrace(path, isTarget) {
  const reader = new TraceReader({ isTarget, isMark });
  for (const line of readLines(path)) reader.read(line);
  const { calls, markedCalls } = reader.seen();
  const names = (list) => new Set(list.map(({ name }) => name));
  return { all: names(calls), main: names(markedCalls), marked: markedCalls.length > 0 };
}

/** The trace of a test suite is too large for one string. */
function* readLines(path) {
  const file = openSync(path, "r");
  try {
    const chunk = Buffer.alloc(chunkBytes);
    let rest = "";
    for (let length = readSync(file, chunk); length > 0; length = readSync(file, chunk)) {
      const lines = (rest + chunk.toString("latin1", 0, length)).split("\n");
      rest = lines.pop();
      yield* lines;
    }
    yield rest;
  } finally {
    closeSync(file);
  }
}
