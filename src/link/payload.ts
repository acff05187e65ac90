// SPDX-License-Identifier: MIT
/**
 * Lays out what an image carries beside the kernel: the archive of its root file system with the
 * application's file in it, whose segments keep their own addresses, and the manifest note.
 *
 *   head     members of the archive, and the header of the application's member
 *   segments the application's file, from its ELF header to the end of what its program headers map
 *   tail     padding and the archive's trailer
 *
 * The kernel in the image executes the file of the archive. That its segments are shown at their own addresses is for
 * debuggers and readelf: what cannot be shown so is in the archive all the same.
 */
import { PF, PT, recordSizeBytes, SHT } from "../elf/constants.js";
import type { ElfFile } from "../elf/file.js";
import type { ObjectSection, ObjectSymbol } from "../elf/object.js";
import type { Segment } from "../elf/segments.js";
import type { Owner } from "../host/file-view.js";
import { manifestNote } from "../manifest.js";
import { alignedFileHeader, archiveTrailer, pageBytes } from "../rootfs/cpio.js";

/** Where a position-independent program is shown in the image; the kernel chooses anew at each start. */
const pieBase = 0x555555554000n;

/** A part of the application's file as the image has it. */
export interface PlacedSegment {
  /** False for what no PT_LOAD maps, or one whose bytes or addresses another one has already. */
  readonly isMapped: boolean;
  /** Of a PT_LOAD. */
  readonly vaddr: bigint;
  readonly fileOffset: number;
  /** To the file offset of the next part: padding included. */
  readonly sizeBytes: number;
  readonly flags: number;
}

export interface Payload {
  readonly segments: readonly PlacedSegment[];
  readonly fileBytes: number;
  readonly archiveBytes: number;
  readonly sections: readonly ObjectSection[];
  readonly symbols: readonly ObjectSymbol[];
}

export interface PayloadParts {
  /** Members that come before the application's. */
  readonly members: Uint8Array;
  readonly application: ElfFile;
  readonly guestPath: string;
  /** Of the application's file, with the sticky bit where it is to run in ring 0. */
  readonly permissions: number;
  /** When it was last changed, where it was not linked just now. */
  readonly modified?: number | undefined;
  /** Root, unless it says otherwise. */
  readonly owner?: Owner;
  readonly manifest: string;
}

export function layOutPayload(parts: PayloadParts): Payload {
  const file = loadedFile(parts.application);
  const segments = placeSegments(parts.application, file.length);
  const { guestPath: path, permissions, owner, modified } = parts;
  const member = { path, permissions, owner, modified, sizeBytes: file.length };
  const head = Buffer.concat([parts.members, alignedFileHeader(member, parts.members.length)]);
  const tail = Buffer.concat([Buffer.alloc((4 - (file.length % 4)) % 4), archiveTrailer]);
  const archiveBytes = head.length + file.length + tail.length;

  const info = Buffer.alloc(8);
  info.writeBigUInt64LE(BigInt(archiveBytes));
  const plain = { type: "progbits", flags: {} } as const;
  const sections: ObjectSection[] = [
    { name: ".ukl.info", ...plain, alignBytes: 8, data: info },
    { name: ".ukl.note", type: "note", flags: {}, alignBytes: 4, data: noteBytes(parts.manifest) },
    { name: ".ukl.head", ...plain, alignBytes: pageBytes, data: head },
    ...segments.map((segment, index) => ({
      name: segmentSection(index),
      type: "progbits" as const,
      flags: { write: (segment.flags & PF.W) !== 0, execute: (segment.flags & PF.X) !== 0 },
      alignBytes: 1,
      data: file.subarray(segment.fileOffset, segment.fileOffset + segment.sizeBytes),
    })),
    { name: ".ukl.tail", ...plain, alignBytes: 1, data: tail },
  ];
  // The kernel unpacks this many bytes from __initramfs_start, which the linker script defines.
  const symbols = [{ name: "__initramfs_size", section: 0, offset: 0, sizeBytes: 8 }];
  return { segments, fileBytes: file.length, archiveBytes, sections, symbols };
}

export function segmentSection(index: number): string {
  return `.ukl.load.${index}`;
}

/**
 * The file without what Linux does not map or read: section headers, symbols, debug information. A file to which
 * something was appended stays as it is: that is for the program, which finds it from the end or by the section headers.
 */
function loadedFile(application: ElfFile): Buffer {
  const { bytes } = application;
  const header = Buffer.from(bytes.subarray(0, recordSizeBytes.fileHeader));
  const headersEnd =
    Number(header.readBigUInt64LE(32)) + header.readUInt16LE(56) * recordSizeBytes.programHeader;
  const ends = application.segments.map(endInFile);
  if (bytes.length > Math.max(headersEnd, ...ends, sectionsEnd(application, header)))
    return Buffer.from(bytes);
  const readEnds = application.segments.filter(isRead).map(endInFile);
  const file = Buffer.from(bytes.subarray(0, Math.max(headersEnd, ...readEnds)));
  file.writeBigUInt64LE(0n, 40); // e_shoff
  file.writeUInt16LE(0, 60); // e_shnum
  file.writeUInt16LE(0, 62); // e_shstrndx
  return file;
}

function isRead({ type }: Segment): boolean {
  return type === PT.LOAD || type === PT.INTERP;
}

/** Linux maps whole pages, and clears what is behind the file's part where a program may write. */
function endInFile({ type, offset, filesz, memsz, flags }: Segment): number {
  const end = offset + filesz;
  const isCleared = memsz > filesz && (flags & PF.W) !== 0;
  if (type !== PT.LOAD || filesz === 0) return filesz === 0 ? 0 : end;
  return isCleared ? end : Math.ceil(end / pageBytes) * pageBytes;
}

function sectionsEnd({ sections }: ElfFile, header: Buffer): number {
  const table = Number(header.readBigUInt64LE(40)) + sections.length * recordSizeBytes.sectionHeader;
  const ends = sections.map(({ type, offset, size }) => (type === SHT.NOBITS ? 0 : offset + size));
  return sections.length === 0 ? 0 : ends.reduce((last, end) => Math.max(last, end), table);
}

/** The parts of the file, one behind the other: PT_LOADs by file offset, and what is between them. */
function placeSegments(application: ElfFile, fileBytes: number): readonly PlacedSegment[] {
  const base = application.kind === "shared" ? pieBase : 0n;
  const placed: PlacedSegment[] = [];
  let position = 0;
  const fillUpTo = (end: number) => {
    if (end <= position) return;
    const last = placed.at(-1);
    const padding = end - position;
    const widened = last && { ...last, sizeBytes: last.sizeBytes + padding };
    const isRoom =
      widened && (!last.isMapped || (padding < pageBytes && isFree(widened, placed.slice(0, -1), ahead)));
    if (isRoom) placed[placed.length - 1] = widened;
    else
      placed.push({ isMapped: false, vaddr: 0n, fileOffset: position, sizeBytes: padding, flags: restFlags });
    position = end;
  };
  const candidates = mappedParts(application, fileBytes, base);
  let ahead: readonly PlacedSegment[] = candidates;
  for (const [index, candidate] of candidates.entries()) {
    ahead = candidates.slice(index);
    if (candidate.fileOffset < position || !isFree(candidate, placed, [])) continue;
    fillUpTo(candidate.fileOffset);
    placed.push(candidate);
    position = candidate.fileOffset + candidate.sizeBytes;
  }
  ahead = [];
  fillUpTo(fileBytes);
  return placed;
}

/** What is in no PT_LOAD is shown as data. */
const restFlags = PF.R | PF.W;
/** Behind it is the kernel's half. */
const userEnd = 1n << 47n;

function mappedParts(application: ElfFile, fileBytes: number, base: bigint): readonly PlacedSegment[] {
  return application.segments
    .filter(({ type, filesz, offset }) => type === PT.LOAD && filesz > 0 && offset < fileBytes)
    .toSorted((left, right) => left.offset - right.offset)
    .map(({ vaddr, offset, filesz, flags }) => ({
      isMapped: true,
      vaddr: base + vaddr,
      fileOffset: offset,
      sizeBytes: Math.min(filesz, fileBytes - offset),
      flags,
    }));
}

/** Whether nobody else has one of the addresses. */
function isFree(
  segment: PlacedSegment,
  placed: readonly PlacedSegment[],
  ahead: readonly PlacedSegment[],
): boolean {
  const end = endOf(segment);
  if (end > userEnd) return false;
  return [...placed, ...ahead].every(
    (other) => !other.isMapped || end <= other.vaddr || segment.vaddr >= endOf(other),
  );
}

function endOf({ vaddr, sizeBytes }: PlacedSegment): bigint {
  return vaddr + BigInt(sizeBytes);
}

/** An ELF note: sizes, type, name and description, each padded to four bytes (gABI, "Note Section"). */
function noteBytes(description: string): Buffer {
  const name = padded(Buffer.from(`${manifestNote.name}\0`));
  const body = Buffer.from(description);
  const header = Buffer.alloc(12);
  header.writeUInt32LE(manifestNote.name.length + 1, 0);
  header.writeUInt32LE(body.length, 4);
  header.writeUInt32LE(manifestNote.type, 8);
  return Buffer.concat([header, name, padded(body)]);
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
