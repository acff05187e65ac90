// SPDX-License-Identifier: MIT
/** What commands print to and read from. Only cli.ts has the process's own. */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import type { Progress } from "../kernel/compile.js";
import { formatProgress } from "../report.js";

export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: Writable;
  /** Results. */
  readonly print: (text: string) => void;
  /** Progress and diagnostics. */
  readonly say: (text: string) => void;
  /** Whether what is said is seen by somebody, and can be redrawn. */
  readonly isInteractive: boolean;
}

/** One call of the program. */
export interface Invocation {
  readonly terminal: Terminal;
  /** What follows `--`. */
  readonly programArguments: readonly string[] | undefined;
  /** The status to exit with, when it is the guest's. */
  readonly setStatus: (guestStatus: number) => void;
}

/** Resolves when the stream can take more; a stream that was closed takes everything. */
export async function writeAll(stream: Writable, chunk: Uint8Array): Promise<void> {
  if (stream.writable && !stream.write(chunk)) await once(stream, "drain").catch(() => undefined);
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
