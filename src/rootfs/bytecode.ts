// SPDX-License-Identifier: MIT
/**
 * Compiled Python for a guest: it is valid while the time stamp of its source is the one that it notes, and files of an
 * archive have none. PEP 552 has a form that is not compared with the source at all.
 */
import { statSync } from "node:fs";
import type { FileNode } from "../host/file-view.js";
import { readInput } from "../host/files.js";

/** Magic number, flags, then time stamp and size of the source. */
const headerSizeBytes = 16;
/** A digest stands instead of time stamp and size (1), and nobody is to look whether it is right. */
const uncheckedHash = 1;

/** The file in that form; undefined where it is of another source, or of another kind already. */
export async function validForever(bytecode: FileNode, source: FileNode): Promise<Uint8Array | undefined> {
  const bytes = await readInput(bytecode.content ?? "");
  if (bytes.length < headerSizeBytes || bytes.readUInt32LE(4) !== 0) return undefined;
  const modified = statSync(source.content ?? "", { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const isOfSource =
    bytes.readUInt32LE(8) === Math.floor(modified / 1000) >>> 0 &&
    bytes.readUInt32LE(12) === source.sizeBytes >>> 0;
  if (!isOfSource) return undefined;
  bytes.writeUInt32LE(uncheckedHash, 4);
  return bytes;
}
