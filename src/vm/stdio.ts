// SPDX-License-Identifier: MIT
/**
 * What a program's standard input, output and error are, as the guest is told: on the kernel's command line, which
 * passes the word on to init (syscall-stubs/x86_64/init/stdio.c).
 */

/**
 * `stream`: a pipe to the host. `terminal`: the console, which is the first serial line. `quiet terminal`: the same,
 * where the host's terminal shows what is typed. `nothing`: /dev/null. `output`: where standard output leads.
 */
export interface Stdio {
  readonly input: "stream" | "terminal" | "quiet terminal" | "nothing";
  readonly output: "stream" | "terminal";
  readonly error: "stream" | "terminal" | "output";
  /** Whether the host is told when each piece was written (log.ts). */
  readonly journal?: true;
  /** Of the terminal. */
  readonly size?: TerminalSize | undefined;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** Three pipes. */
export const streams: Stdio = { input: "stream", output: "stream", error: "stream" };

const letters = { stream: "s", terminal: "t", "quiet terminal": "q", nothing: "n", output: "o" } as const;

export function hasTerminal({ input, output, error }: Stdio): boolean {
  return [input, output, error].some((kind) => kind === "terminal" || kind === "quiet terminal");
}

/** The word of the command line. */
export function stdioWord({ input, output, error, journal, size }: Stdio): string {
  const kinds = letters[input] + letters[output] + letters[error] + (journal ? "j" : "");
  return `ukl_stdio=${kinds}${size === undefined ? "" : `,${size.rows},${size.columns}`}`;
}

/** What the guest's init understands as the new size of its terminal. */
export function terminalSizeWords({ rows, columns }: TerminalSize): Uint8Array {
  const words = Buffer.from([terminalSize, 0, 0, 0, 0]);
  words.writeUInt16LE(Math.min(rows, 0xffff), 1);
  words.writeUInt16LE(Math.min(columns, 0xffff), 3);
  return words;
}

/** In front of rows and columns; smaller numbers are signals. */
const terminalSize = 0x80;
