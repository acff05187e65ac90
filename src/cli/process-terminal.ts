// SPDX-License-Identifier: MIT
/** The process's own streams and terminal. */
import { fstatSync } from "node:fs";
import { isatty, WriteStream } from "node:tty";
import { makeTerminalRaw } from "../host/terminal-mode.js";
import type { TerminalSize } from "../vm/stdio.js";
import type { Terminal } from "./terminal.js";

export const processTerminal: Terminal = {
  // To look at it is to open it.
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  print: (text) => process.stdout.write(text),
  say: (text) => process.stderr.write(text),
  isInteractive: isatty(2),
  isTerminal: { input: isatty(0), output: isatty(1), error: isatty(2) },
  outputsAreOne: areOne(1, 2),
  size: terminalSize,
  makeRaw: makeTerminalRaw,
  onResize(listener) {
    process.on("SIGWINCH", listener);
    return () => void process.off("SIGWINCH", listener);
  },
};

/** Whether two descriptors are of one file, so that what is written to both stays in its order. */
function areOne(left: number, right: number): boolean {
  try {
    const [one, other] = [fstatSync(left), fstatSync(right)];
    return one.dev === other.dev && one.ino === other.ino;
  } catch {
    return false;
  }
}

function terminalSize(): TerminalSize | undefined {
  const output = [process.stdout, process.stderr].find((stream) => stream instanceof WriteStream);
  const [columns, rows] = output?.getWindowSize() ?? [0, 0];
  return rows > 0 && columns > 0 ? { rows, columns } : undefined;
}
