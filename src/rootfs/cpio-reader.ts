// SPDX-License-Identifier: MIT
/** Reads what cpio.ts writes: the archive of an image, which may come from anywhere. */
import type { Owner } from "../host/file-view.js";
import { headerBytes, typeBits } from "./cpio.js";

export interface ArchivedFile {
  readonly kind: "file" | "directory" | "symlink" | "other";
  readonly permissions: number;
  readonly owner: Owner;
  /** Of a link, where it leads. */
  readonly data: Uint8Array;
}

const kinds = new Map<number, ArchivedFile["kind"]>([
  [typeBits.directory, "directory"],
  [typeBits.file, "file"],
  [typeBits.symlink, "symlink"],
]);
const typeMask = 0o170000;

/** By absolute path, the last of each; undefined where the archive is malformed. */
export function readArchiveFiles(archive: Buffer): ReadonlyMap<string, ArchivedFile> | undefined {
  const files = new Map<string, ArchivedFile>();
  const linked = new Map<number, Uint8Array>();
  for (let offset = 0; offset < archive.length; ) {
    if (archive[offset] === 0) {
      offset++;
      continue;
    }
    const header = headerAt(archive, offset);
    if (header === undefined) return undefined;
    const { name, inode, mode, owner, dataOffset, sizeBytes } = header;
    if (name === "TRAILER!!!") break;
    const data = archive.subarray(dataOffset, dataOffset + sizeBytes);
    // Of several names of one file the first has the bytes.
    if (sizeBytes > 0) linked.set(inode, data);
    const bytes = sizeBytes > 0 || inode === 0 ? data : (linked.get(inode) ?? data);
    const kind = kinds.get(mode & typeMask) ?? "other";
    files.set(`/${name}`, { kind, permissions: mode & 0o7777, owner, data: bytes });
    offset = aligned(dataOffset + sizeBytes);
  }
  return files;
}

/** Undefined where it, its name or its data reach over the end. */
function headerAt(archive: Buffer, offset: number) {
  const text = archive.toString("latin1", offset, offset + headerBytes);
  if (!/^070701[\da-f]{104}$/i.test(text)) return undefined;
  const field = (index: number) => Number.parseInt(text.slice(6 + 8 * index, 14 + 8 * index), 16);
  const [inode, mode, uid, gid, sizeBytes, nameBytes] = [0, 1, 2, 3, 6, 11].map(field) as [
    ...[number, number, number],
    ...[number, number, number],
  ];
  const nameOffset = offset + headerBytes;
  const dataOffset = aligned(nameOffset + nameBytes);
  if (dataOffset + sizeBytes > archive.length) return undefined;
  const [name = ""] = archive.toString("utf8", nameOffset, nameOffset + nameBytes).split("\0");
  return { name, inode, mode, owner: { uid, gid }, dataOffset, sizeBytes };
}

function aligned(offset: number): number {
  return Math.ceil(offset / 4) * 4;
}
