// SPDX-License-Identifier: MIT
/** A file as a loader sees it, header, program headers and notes: of a large one nothing else has to be read. */
import { PT, recordSizeBytes } from "./constants.js";
import { type ElfFile, parseElf } from "./file.js";
import { readHeader } from "./header.js";
import { readSegments } from "./segments.js";

/** A file of which only parts have been read. */
export interface PartlyRead {
  /** As many as the file has; 0 where nothing has been read. */
  readonly bytes: Uint8Array;
  /** Reads a part, as much of it as there is. */
  load(offset: number, sizeBytes: number): void;
}

/** Such a file has no sections; what is in segments has its size and no contents. Throws as `parseElf`. */
export function parseLoaderView({ bytes, load }: PartlyRead, path: string): ElfFile {
  load(0, recordSizeBytes.fileHeader);
  forgetSections(bytes);
  const { raw, header } = readHeader(bytes, path);
  const { offset, count } = header.programHeaders;
  load(offset, count * recordSizeBytes.programHeader);
  for (const segment of readSegments(raw, header.programHeaders)) {
    const isInside = segment.offset + segment.filesz <= bytes.length;
    if (segment.type === PT.NOTE && isInside) load(segment.offset, segment.filesz);
  }
  return parseElf(bytes, path);
}

/** e_shoff, e_shnum and e_shstrndx (gABI chapter 4). */
function forgetSections(bytes: Uint8Array): void {
  bytes.subarray(40, 48).fill(0);
  bytes.subarray(60, 64).fill(0);
}
