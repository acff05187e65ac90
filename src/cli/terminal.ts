// SPDX-License-Identifier: MIT
/** What commands print to and read from. Only cli.ts has the process's own. */
import type { Readable, Writable } from "node:stream";
import type { Progress } from "../kernel/compile.js";
import { formatProgress } from "../report.js";
import type { TerminalSize } from "../vm/stdio.js";

export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Results. */
  readonly print: (text: string) => void;
  /** Progress and diagnostics. */
  readonly say: (text: string) => void;
  /** Whether what is said is seen by somebody, and can be redrawn. */
  readonly isInteractive: boolean;
  /** Which of the three are one. */
  readonly isTerminal: { readonly input: boolean; readonly output: boolean; readonly error: boolean };
  /** Whether stdout and stderr lead to the same file. */
  readonly outputsAreOne: boolean;
  /** Undefined where none has one. */
  readonly size: () => TerminalSize | undefined;
  /** Has what is typed come as it is, unshown; returns what takes that back. */
  readonly makeRaw: () => () => void;
  /** Returns what takes the listener away. */
  readonly onResize: (listener: () => void) => () => void;
}

/** One call of the program. */
export interface Invocation {
  readonly terminal: Terminal;
  /** What follows `--`. */
  readonly programArguments: readonly string[] | undefined;
  /** The status to exit with, when it is the guest's. */
  readonly setStatus: (guestStatus: number) => void;
}

/** Whether somebody took the bytes; settles when they are handed over. A stream that was closed takes nothing. */
export function writeAll(stream: Writable, chunk: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    if (stream.writable) stream.write(chunk, (error) => resolve(!error));
    else resolve(false);
  });
}

/** Shows progress: redrawn in place on a terminal, a line for each new step elsewhere. */
export function progressPrinter({ isInteractive, say }: Terminal): {
  show: (progress: Progress) => void;
  end: () => void;
} {
  let lastStep = "";
  let drawn = false;
  return {
    show(progress) {
      if (isInteractive) {
        say(`\r\x1b[K${formatProgress(progress)}`);
        drawn = true;
      } else if (progress.step !== lastStep) {
        say(`${progress.step}\n`);
      }
      lastStep = progress.step;
    },
    end() {
      if (drawn) say("\r\x1b[K");
    },
  };
}
