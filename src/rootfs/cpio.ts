// SPDX-License-Identifier: MIT
/**
 * The "newc" archive format that the kernel unpacks into its root file system.
 * Format: Documentation/driver-api/early-userspace/buffer-format.rst in the kernel source.
 */
import { bug, UklError } from "../errors.js";
import { encodeName } from "../host/names.js";

interface Member {
  readonly path: string;
  /** Root, unless it says otherwise. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  /** When it was last changed, in seconds since 1970. */
  readonly modified?: number | undefined;
}

/**
 * What the toolkit makes itself was changed then, 2000-01-01: the same entries give the same bytes. Archives of ZIP
 * know no time before 1980.
 */
const generatedSeconds = 946_684_800;

interface Special {
  readonly permissions: number;
  /** Of a device. */
  readonly major: number;
  readonly minor: number;
}

export type ArchiveEntry = Member &
  (
    | { readonly kind: "directory"; readonly permissions: number }
    | { readonly kind: "file"; readonly permissions: number; readonly data: Uint8Array }
    | { readonly kind: "symlink"; readonly target: string }
    | (Special & { readonly kind: "characterDevice" })
    | (Special & { readonly kind: "blockDevice" })
    | (Special & { readonly kind: "fifo" })
  );

export const typeBits = {
  directory: 0o040000,
  file: 0o100000,
  symlink: 0o120000,
  characterDevice: 0o020000,
  blockDevice: 0o060000,
  fifo: 0o010000,
} as const;

export const headerBytes = 110;
/** PATH_MAX: the kernel takes no longer name, with what is behind its end. */
const nameLimitBytes = 4096;
/** The kernel gives a file the pages of the archive where its data begin on one (kernel/patches). */
export const pageBytes = 4096;

/**
 * The members for `entries`, without a trailer: archives may be joined, and `archiveTrailer` ends the last. Files with
 * the very same data, not equal data, are links to one: the first has it, and the others the same inode. The data of
 * a file of a page or more begin on one, counted from the first member.
 */
export function archiveMembers(entries: readonly ArchiveEntry[]): Buffer {
  const inodes = new Map<Uint8Array, number>();
  for (const data of sharedData(entries)) inodes.set(data, inodes.size + 1);
  const written = new Set<Uint8Array>();
  const parts: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const data = dataOf(entry);
    const inode = inodes.get(data);
    const isAgain = inode !== undefined && written.has(data);
    if (inode !== undefined) written.add(data);
    const sizeBytes = isAgain ? 0 : data.length;
    const header = { ...headerOf(entry, sizeBytes), inode };
    const member = [
      sizeBytes < pageBytes ? memberHeader(header) : alignedHeader(header, offset),
      padded(isAgain ? new Uint8Array() : data),
    ];
    for (const part of member) offset += part.length;
    parts.push(...member);
  }
  return Buffer.concat(parts);
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
 * The header of a file whose data the caller places right behind it, at an offset that is a multiple of a page.
 * `offset` is where the header itself is put.
 */
export function alignedFileHeader(
  file: Member & { readonly permissions: number; readonly sizeBytes: number },
  offset: number,
): Buffer {
  return alignedHeader(headerOf({ kind: "file", ...file, data: new Uint8Array() }, file.sizeBytes), offset);
}

export const archiveTrailer: Buffer = memberHeader(
  headerOf({ kind: "file", path: "TRAILER!!!", permissions: 0, data: new Uint8Array() }, 0),
);

function dataOf(entry: ArchiveEntry): Uint8Array {
  if (entry.kind === "file") return entry.data;
  return entry.kind === "symlink" ? encodeName(entry.target) : new Uint8Array();
}

interface Header {
  /** The file's name, NUL included. */
  readonly name: Buffer;
  readonly mode: number;
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly links: number;
  readonly modified: number;
  readonly sizeBytes: number;
  readonly device: { readonly major: number; readonly minor: number };
  /** Makes it a link to the others with the same. */
  readonly inode?: number | undefined;
}

function headerOf(entry: ArchiveEntry, sizeBytes: number): Header {
  if (sizeBytes > 0xffffffff) throw bug(`${entry.path} does not fit an archive`, `it has ${sizeBytes} bytes`);
  const permissions = entry.kind === "symlink" ? 0o777 : entry.permissions;
  return {
    name: nameOf(entry),
    mode: typeBits[entry.kind] | permissions,
    owner: entry.owner ?? { uid: 0, gid: 0 },
    links: entry.kind === "directory" ? 2 : 1,
    modified: Math.min(Math.max(0, Math.floor(entry.modified ?? generatedSeconds)), 0xffffffff),
    sizeBytes,
    device: "major" in entry ? entry : { major: 0, minor: 0 },
  };
}

/** The kernel would pass over a member whose name is too long. Throws UKL-201. */
function nameOf({ path }: ArchiveEntry): Buffer {
  // Of the root directory itself the name is ".".
  const name = encodeName(`${path.replace(/^\//, "") || "."}\0`);
  if (name.length < nameLimitBytes) return name;
  throw new UklError("UKL-201", {
    what: `${path.slice(0, 80)}… cannot be put into an image`,
    cause: `its path has ${name.length} bytes, and the kernel takes ${nameLimitBytes - 1}`,
    fix: "put it nearer to the root",
  });
}

/** NULs fill up to where the data begin: behind the name, which the kernel skips at once, or else in front. */
function alignedHeader(header: Header, offset: number): Buffer {
  const gap = (at: number) => (pageBytes - (at % pageBytes)) % pageBytes;
  const nameEnd = offset + headerBytes + header.name.length;
  const name = Buffer.concat([header.name, Buffer.alloc(gap(nameEnd))]);
  if (name.length <= nameLimitBytes) return memberHeader({ ...header, name });
  const plain = memberHeader(header);
  return Buffer.concat([Buffer.alloc(gap(offset + plain.length)), plain]);
}

function memberHeader({ name, mode, owner, links, modified, sizeBytes, device, inode }: Header): Buffer {
  const fields = [
    inode ?? 0,
    mode,
    owner.uid,
    owner.gid,
    inode === undefined ? links : 2,
    modified,
    sizeBytes,
    0,
    0,
    device.major,
    device.minor,
    name.length,
    0,
  ];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
  return padded(Buffer.concat([Buffer.from(header, "latin1"), name]));
}

/** Members are padded to four bytes. */
function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
