// SPDX-License-Identifier: MIT
/**
 * Lays out what an image carries beside the kernel: the archive of its root file system with the
 * application's file in it, whose segments keep their own addresses, and the manifest note.
 *
 *   head     members of the archive, and the header of the application's member
 *   segments the application's file, from its ELF header to the end of what its program headers map
 *   tail     padding and the archive's trailer
 */
import { PF, PT, recordSizeBytes } from "../elf/constants.js";
import type { ElfFile } from "../elf/file.js";
import type { ObjectSection, ObjectSymbol } from "../elf/object.js";
import type { Segment } from "../elf/segments.js";
import { UklError } from "../errors.js";
import { manifestNote } from "../manifest.js";
import { alignedFileHeader, archiveTrailer, pageBytes } from "../rootfs/cpio.js";

/** Where a position-independent program is shown in the image; the kernel chooses anew at each start. */
const pieBase = 0x555555554000n;

/** A PT_LOAD of the application as the image has it. */
export interface PlacedSegment {
  readonly vaddr: bigint;
  readonly fileOffset: number;
  /** To the file offset of the next segment: padding included. */
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
  readonly manifest: string;
}

/** Throws UKL-208 where the application's segments cannot be laid out. */
export function layOutPayload(parts: PayloadParts): Payload {
  const file = loadedFile(parts.application);
  const segments = placeSegments(parts.application, file.length);
  const { guestPath: path, permissions, modified } = parts;
  const member = { path, permissions, modified, sizeBytes: file.length };
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
 * The file without what no program header maps: section headers, symbols, debug information. The program
 * headers themselves stay, wherever they are.
 */
function loadedFile(application: ElfFile): Buffer {
  const header = Buffer.from(application.bytes.subarray(0, recordSizeBytes.fileHeader));
  const headersEnd =
    Number(header.readBigUInt64LE(32)) + header.readUInt16LE(56) * recordSizeBytes.programHeader;
  const ends = loads(application).map((segment) => segment.offset + segment.filesz);
  const file = Buffer.from(application.bytes.subarray(0, Math.max(headersEnd, ...ends)));
  file.writeBigUInt64LE(0n, 40); // e_shoff
  file.writeUInt16LE(0, 60); // e_shnum
  file.writeUInt16LE(0, 62); // e_shstrndx
  return file;
}

function placeSegments(application: ElfFile, fileBytes: number): readonly PlacedSegment[] {
  const base = application.kind === "shared" ? pieBase : 0n;
  const segments = loads(application).filter((segment) => segment.filesz > 0);
  return segments.map((segment, index) => {
    const next = segments[index + 1];
    const end = next?.offset ?? fileBytes;
    const sizeBytes = end - segment.offset;
    const room = next === undefined ? undefined : next.vaddr - segment.vaddr;
    if (sizeBytes < segment.filesz || (room !== undefined && BigInt(sizeBytes) > room)) {
      throw unplaceable(application, index);
    }
    return { vaddr: base + segment.vaddr, fileOffset: segment.offset, sizeBytes, flags: segment.flags };
  });
}

/** By file offset: the ELF header is in the first, and bytes follow each other in the archive. */
function loads(application: ElfFile): readonly Segment[] {
  const segments = application.segments.filter((segment) => segment.type === PT.LOAD);
  const sorted = [...segments].sort((left, right) => left.offset - right.offset);
  if (sorted[0]?.offset !== 0) throw unplaceable(application, 0);
  return sorted;
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

function unplaceable(application: ElfFile, index: number): UklError {
  return new UklError("UKL-208", {
    what: `the segments of ${application.path} cannot be laid out in an image`,
    cause: `PT_LOAD ${index} does not begin where the one before it ends, or the ELF header is in none`,
    fix: "link the program with GNU ld, gold, lld or mold without a script of its own",
  });
}
