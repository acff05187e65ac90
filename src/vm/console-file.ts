// SPDX-License-Identifier: MIT
/**
 * What a machine that runs by itself has printed: files that QEMU appends to, of which the newest part is kept. What is
 * older becomes a hole, so positions stay what they are, and whoever follows a file notices nothing.
 *
 * A shell sees to that, as long as the machine holds the other end of its stdin: nobody has to end it.
 */
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "../host/exec.js";
import { consoleTailBytes } from "./machine.js";

/** The kernel's own words. */
export const consoleFile = "console";
/** What the program wrote to standard output and standard error. */
export const outputFile = "stdout";
export const errorsFile = "stderr";
/** When it was written (guest-contract.ts): QEMU's name for the way back of the words. */
export const journalFile = "words.out";

export const keptBytes: number = 16 * 1024 ** 2;
const periodSeconds = 5;
const chunkBytes = 64 * 1024;

/** What a machine says of its application: the start comes first, and the exit status last. */
export const controlFile = "control";
export const controlHeadBytes: number = 64 * 1024;
export const controlTailBytes: number = 64 * 1024;

/** 124 is what timeout(1) says of a program that went on until it was ended. */
const makeHoles = `trim() {
  excess=$(($(stat -c %s "$1") - $2 - $3))
  [ "$excess" -le 0 ] || fallocate --punch-hole --offset "$2" --length "$excess" "$1"
}
while timeout "$2" cat; [ $? -eq 124 ]; do
  for file in console stdout stderr words.out; do trim "$1/$file" 0 "$3"; done
  trim "$1/control" "$4" "$5"
done`;

export function trimCommand(directory: string, keep = keptBytes, seconds = periodSeconds): Command {
  const sizes = [keep, controlHeadBytes, controlTailBytes];
  return { tool: "sh", args: ["-c", makeHoles, "sh", directory, String(seconds), ...sizes.map(String)] };
}

/**
 * From a position on, or from where the kept part begins, up to another one; returns the position behind what was read.
 */
export async function* readLog(
  directory: string,
  name: string,
  start: number,
  end: number = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array, number> {
  const file = await openLog(directory, name);
  if (file === undefined) return start;
  try {
    for (let position = start; ; ) {
      const { size } = await file.stat();
      position = Math.max(position, size - keptBytes);
      const wanted = Math.min(chunkBytes, end - position);
      if (wanted <= 0) return position;
      const { bytesRead, buffer } = await file.read(Buffer.alloc(wanted), 0, wanted, position);
      if (bytesRead === 0) return position;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** The last lines of the console. */
export async function consoleTail(directory: string, limitBytes = consoleTailBytes): Promise<string> {
  const file = await openLog(directory, consoleFile);
  if (file === undefined) return "";
  try {
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(size, limitBytes));
    await file.read(bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString().replaceAll("\r\n", "\n");
  } finally {
    await file.close();
  }
}

/** Undefined for a guest that never had a machine. */
function openLog(directory: string, name: string): Promise<FileHandle | undefined> {
  return open(join(directory, name)).catch(() => undefined);
}
