// SPDX-License-Identifier: MIT
/**
 * Reads a finished image again and compares it with what was asked. The linker was trusted with nothing
 * that can be checked.
 */
import { PT, recordSizeBytes } from "../elf/constants.js";
import { type ElfFile, parseElf } from "../elf/file.js";
import { UklError } from "../errors.js";
import { manifestNote } from "../manifest.js";
import { symbolAddresses } from "./image.js";
import type { Payload, PlacedSegment } from "./payload.js";

export interface Promised {
  readonly payload: Payload;
  readonly application: ElfFile;
  readonly manifest: string;
  readonly kernelSymbols: ReadonlyMap<string, bigint>;
}

/** XEN_ELFNOTE_PHYS32_ENTRY of Xen's public/elfnote.h: the address a PVH loader starts at. */
const pvhEntryNote = { owner: "Xen", type: 18 };

/** Throws UKL-502 naming the first thing that is not as promised. */
export function verifyImage(bytes: Uint8Array, path: string, promised: Promised): void {
  const image = parseElf(bytes, path);
  check(image.kind === "executable", "it is not an executable file");
  check(
    image.notes.some((note) => note.owner === pvhEntryNote.owner && note.type === pvhEntryNote.type),
    "it has no PVH entry note",
  );
  verifyManifest(image, promised.manifest);
  verifySegments(image, promised);
  verifySymbols(image, promised.kernelSymbols);
}

function verifyManifest(image: ElfFile, manifest: string): void {
  const notes = image.notes.filter(
    (note) => note.owner === manifestNote.name && note.type === manifestNote.type,
  );
  check(notes.length === 1, `it has ${notes.length} manifest notes`);
  check(Buffer.from(notes[0]?.description ?? []).toString() === manifest, "its manifest is another one");
}

/** Every part of the application's file is there, byte for byte, and each segment at its address. */
function verifySegments(image: ElfFile, { payload, application }: Promised): void {
  const loads = image.segments.filter((segment) => segment.type === PT.LOAD);
  const [start] = payload.segments.filter(({ isMapped }) => isMapped);
  const first = start && loads.find(({ vaddr }) => vaddr === start.vaddr);
  let expectedPaddr = first && first.paddr - BigInt(start.fileOffset);
  for (const placed of payload.segments) {
    const name = placed.isMapped
      ? `the application's segment at 0x${placed.vaddr.toString(16)}`
      : `the part of the application's file at offset ${placed.fileOffset}`;
    const segment = loads.find((load) =>
      placed.isMapped ? load.vaddr === placed.vaddr : load.paddr === expectedPaddr,
    );
    check(segment !== undefined, `${name} is missing`);
    check(segment.flags === placed.flags, `${name} has other permissions`);
    check(
      segment.filesz === placed.sizeBytes && segment.memsz === placed.sizeBytes,
      `${name} has another size`,
    );
    verifyBytes(image.segmentBytes(segment), placed, application, name);
    check(
      expectedPaddr === undefined || segment.paddr === expectedPaddr,
      `${name} leaves a gap in the archive`,
    );
    expectedPaddr = segment.paddr + BigInt(segment.filesz);
  }
}

function verifyBytes(copied: Uint8Array, placed: PlacedSegment, application: ElfFile, name: string): void {
  const { isMapped, fileOffset, sizeBytes, flags } = placed;
  const isLoad = application.segments.some(
    (load) => load.type === PT.LOAD && load.offset === fileOffset && load.flags === flags,
  );
  check(!isMapped || isLoad, `${name} is none of the application's`);
  const original = application.bytes.subarray(fileOffset, fileOffset + sizeBytes);
  // The ELF header can have lost its reference to the section headers, which then are not in the image.
  const from = Math.max(0, recordSizeBytes.fileHeader - fileOffset);
  check(Buffer.compare(copied.subarray(from), original.subarray(from)) === 0, `${name} has other bytes`);
}

/** The application was linked against these addresses before the image was. */
function verifySymbols(image: ElfFile, kernelSymbols: ReadonlyMap<string, bigint>): void {
  if (kernelSymbols.size === 0) return;
  const found = symbolAddresses(image, [...kernelSymbols.keys()]);
  for (const [name, address] of kernelSymbols) {
    check(found.get(name) === address, `the kernel symbol ${name} is not where the application expects it`);
  }
}

function check(condition: boolean, cause: string): asserts condition {
  if (condition) return;
  throw new UklError("UKL-502", {
    what: "the image is not what was asked for, and was not written",
    cause,
    fix: "please report this with the command line and, if you can, the input files",
  });
}
