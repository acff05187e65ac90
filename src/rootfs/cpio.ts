// SPDX-License-Identifier: MIT
/**
 * The "newc" archive format that the kernel unpacks into its root file system.
 * Format: Documentation/driver-api/early-userspace/buffer-format.rst in the kernel source.
 */
import { bug } from "../errors.js";

interface Member {
  readonly path: string;
  /** Root, unless it says otherwise. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

export type ArchiveEntry = Member &
  (
    | { readonly kind: "directory"; readonly permissions: number }
    | { readonly kind: "file"; readonly permissions: number; readonly data: Uint8Array }
    | { readonly kind: "symlink"; readonly target: string }
    | {
        readonly kind: "characterDevice";
        readonly permissions: number;
        readonly major: number;
        readonly minor: number;
      }
  );

const typeBits = {
  directory: 0o040000,
  file: 0o100000,
  symlink: 0o120000,
  characterDevice: 0o020000,
} as const;

const headerBytes = 110;

/**
 * The members for `entries`, without a trailer: archives may be joined, and `archiveTrailer` ends the last. Files with
 * the very same data, not equal data, are links to one: the first has it, and the others the same inode.
 */
export function archiveMembers(entries: readonly ArchiveEntry[]): Buffer {
  const inodes = new Map<Uint8Array, number>();
  for (const data of sharedData(entries)) inodes.set(data, inodes.size + 1);
  const written = new Set<Uint8Array>();
  return Buffer.concat(
    entries.flatMap((entry) => {
      const data = dataOf(entry);
      const inode = inodes.get(data);
      const isAgain = inode !== undefined && written.has(data);
      if (inode !== undefined) written.add(data);
      const sizeBytes = isAgain ? 0 : data.length;
      return [memberHeader(entry, sizeBytes, inode), padded(isAgain ? new Uint8Array() : data)];
    }),
  );
}

function sharedData(entries: readonly ArchiveEntry[]): readonly Uint8Array[] {
  const seen = new Set<Uint8Array>();
  const shared = new Set<Uint8Array>();
  for (const entry of entries) {
    if (entry.kind !== "file" || entry.data.length === 0) continue;
    if (seen.has(entry.data)) shared.add(entry.data);
    seen.add(entry.data);
  }
  return [...shared];
}

/**
 * The header of a file whose data the caller places right behind it, at an offset that is a multiple of
 * `alignBytes`. `offset` is where the header itself is put. Zeros in front of a header are skipped by the kernel.
 */
export function alignedFileHeader(
  file: { readonly path: string; readonly permissions: number; readonly sizeBytes: number },
  offset: number,
  alignBytes: number,
): Buffer {
  const header = memberHeader({ kind: "file", ...file, data: new Uint8Array() }, file.sizeBytes);
  const end = Math.ceil((offset + header.length) / alignBytes) * alignBytes;
  return Buffer.concat([Buffer.alloc(end - offset - header.length), header]);
}

export const archiveTrailer: Buffer = memberHeader(
  { kind: "file", path: "TRAILER!!!", permissions: 0, data: new Uint8Array() },
  0,
);

function dataOf(entry: ArchiveEntry): Uint8Array {
  if (entry.kind === "file") return entry.data;
  return entry.kind === "symlink" ? Buffer.from(entry.target) : new Uint8Array();
}

/** The time stamp is zero: the same entries give the same bytes. An inode makes it a link. */
function memberHeader(entry: ArchiveEntry, sizeBytes: number, inode?: number): Buffer {
  const name = Buffer.from(`${entry.path.replace(/^\//, "")}\0`);
  const permissions = entry.kind === "symlink" ? 0o777 : entry.permissions;
  const [major, minor] = entry.kind === "characterDevice" ? [entry.major, entry.minor] : [0, 0];
  const links = entry.kind === "directory" || inode !== undefined ? 2 : 1;
  const { uid, gid } = entry.owner ?? { uid: 0, gid: 0 };
  const fields = [
    inode ?? 0,
    typeBits[entry.kind] | permissions,
    uid,
    gid,
    links,
    0,
    sizeBytes,
    0,
    0,
    major,
    minor,
    name.length,
    0,
  ];
  if (sizeBytes > 0xffffffff) throw bug(`${entry.path} does not fit an archive`, `it has ${sizeBytes} bytes`);
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
  return padded(Buffer.concat([Buffer.from(header, "latin1"), name]), headerBytes + name.length);
}

/** Members are padded to four bytes. */
function padded(bytes: Uint8Array, length = bytes.length): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (length % 4)) % 4)]);
}
