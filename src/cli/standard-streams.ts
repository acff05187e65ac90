// SPDX-License-Identifier: MIT
/**
 * The standard streams of a run: those of the guest's program are what ours are. A terminal of ours is a terminal there,
 * and all else is a pipe.
 */
import { type PassThrough, Transform } from "node:stream";
import type { ConsoleOptions } from "../vm/machine.js";
import { hasTerminal, type Stdio, type TerminalSize, terminalSizeWords } from "../vm/stdio.js";
import { type Terminal, writeAll } from "./terminal.js";

/** `true` for -t, `false` for -T. */
export type TerminalWish = boolean | undefined;

/** Of a terminal that does not say its size, and of one that is not there. */
const standardSize: TerminalSize = { rows: 24, columns: 80 };

/** How the guest's program finds its streams. */
export function chooseStdio(wish: TerminalWish, { isTerminal, outputsAreOne, size }: Terminal): Stdio {
  const { input, output, error } =
    wish === undefined ? isTerminal : { input: wish, output: wish, error: wish };
  // Ours shows what is typed, unless it is handed over as a whole.
  const typed = output ? "terminal" : "quiet terminal";
  return {
    input: input ? typed : "stream",
    output: output ? "terminal" : "stream",
    error: error ? "terminal" : outputsAreOne ? "output" : "stream",
    ...(input || output || error ? { size: size() ?? standardSize } : {}),
  };
}

export interface StandardStreams {
  readonly console: Pick<ConsoleOptions, "stdio" | "stdin" | "onOutput" | "onErrors" | "onConsole">;
  /** Gives the terminal back. */
  readonly dispose: () => void;
}

/** `words` go to the guest's init; `end` ends the machine. */
export function openStandardStreams(
  stdio: Stdio,
  terminal: Terminal,
  words: PassThrough,
  end: () => void,
): StandardStreams {
  const { isTerminal, stdin, stdout, stderr } = terminal;
  const isRaw = stdio.input === "terminal" && isTerminal.input && isTerminal.output;
  const restore = isRaw ? terminal.makeRaw() : () => undefined;
  const screen = hasTerminal(stdio) && (isTerminal.output || !isTerminal.error) ? stdout : stderr;
  const resized = terminal.onResize(() => {
    const size = terminal.size();
    if (hasTerminal(stdio) && size !== undefined) words.write(terminalSizeWords(size));
  });
  // A reader that has gone is for the program to know: the sinks tell the machine.
  const unread = () => undefined;
  for (const output of [stdout, stderr]) output.on("error", unread);
  return {
    console: {
      stdio,
      stdin: isRaw ? stdin.pipe(watchEndingKey(end)) : stdin,
      onOutput: (chunk) => writeAll(stdout, chunk),
      onErrors: (chunk) => writeAll(stderr, chunk),
      onConsole: (chunk) => writeAll(screen, chunk),
    },
    dispose() {
      for (const output of [stdout, stderr]) output.off("error", unread);
      resized();
      restore();
      stdin.destroy();
    },
  };
}

/** As of systemd-nspawn(1): where the terminal is the guest's, signals from the keyboard do not reach us. */
const endingKey = { byte: 0x1d, times: 3, withinMs: 1000 };

/** Passes on what is typed, and calls `end` at Ctrl-] three times within a second. */
function watchEndingKey(end: () => void): Transform {
  let timesMs: number[] = [];
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      for (const byte of chunk) {
        const nowMs = performance.now();
        timesMs =
          byte === endingKey.byte
            ? [...timesMs, nowMs].filter((time) => nowMs - time < endingKey.withinMs)
            : [];
        if (timesMs.length >= endingKey.times) end();
      }
      done(null, chunk);
    },
  });
}
