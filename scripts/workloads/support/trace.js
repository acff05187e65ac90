// SPDX-License-Identifier: MIT
// Reads what strace wrote of a workload, as `ukl inspect --trace` does (src/inspect/trace-reader.ts): the names of the
// calls a program made, all of them and those after `main` began.
import { TraceReader } from "../../../dist/inspect/trace-reader.js";

/** Set by marker.c right before main. */
const isMark = ({ name, text }) => name === "close" && text.startsWith("-4242)");

/**
 * `isTarget` says whether a path names the traced program.
 * Returns the names seen, the names seen after main, and whether a mark was there at all.
 */
export function readTrace(text, isTarget) {
  const reader = new TraceReader({ isTarget, isMark });
  for (const line of text.split("\n")) reader.read(line);
  const { calls, markedCalls } = reader.seen();
  const names = (list) => new Set(list.map(({ name }) => name));
  return { all: names(calls), main: names(markedCalls), marked: markedCalls.length > 0 };
}
