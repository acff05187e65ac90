// SPDX-License-Identifier: MIT
/**
 * The program header table: what is mapped, where, and from which bytes of the file (gABI chapter 5).
 *
 * A file whose segments pass here can be mapped without surprises: each lies inside the file, no PT_LOAD
 * has more bytes than memory, leaves the address space or overlaps another one.
 */
import { PT, recordSizeBytes, segmentTypeName } from "./constants.js";
import type { HeaderTable } from "./header.js";
import { hex, malformed } from "./malformed.js";
import type { RawElf } from "./raw.js";

export interface Segment {
  /** One of PT, or any other number. */
  readonly type: number;
  /** Bits of PF. */
  readonly flags: number;
  /** Offset in the file, in bytes. */
  readonly offset: number;
  readonly vaddr: bigint;
  readonly paddr: bigint;
  /** Size in the file, in bytes; inside the file. */
  readonly filesz: number;
  /** Size in memory, in bytes. */
  readonly memsz: number;
  /** 0 or 1 for none; a power of two in a PT_LOAD. */
  readonly align: number;
}

const pageSizeBytes = 4096;
const addressSpaceEnd = 1n << 64n;

/** Reads and checks all segments, in the order of the file. Throws UKL-206, UKL-208. */
export function readSegments(raw: RawElf, table: HeaderTable): readonly Segment[] {
  const segments: Segment[] = [];
  for (let index = 0; index < table.count; index++) {
    const segment = raw.segment(table.offset + index * recordSizeBytes.programHeader);
    checkSegment(raw, segment, `program header ${index} (${segmentTypeName(segment.type)})`);
    segments.push(segment);
  }
  checkOverlap(raw.path, sortedLoads(segments));
  return segments;
}

/** The PT_LOAD segments by rising address. */
export function sortedLoads(segments: readonly Segment[]): readonly Segment[] {
  return segments
    .filter((segment) => segment.type === PT.LOAD && segment.memsz > 0)
    .sort((a, b) => (a.vaddr < b.vaddr ? -1 : a.vaddr > b.vaddr ? 1 : 0));
}

/**
 * The bytes from an address to the end of the file's part of its segment, not copied; undefined when the
 * file has none for it. `loads` comes from `sortedLoads`.
 */
export function bytesFromAddress(
  bytes: Uint8Array,
  loads: readonly Segment[],
  vaddr: bigint,
): Uint8Array | undefined {
  const segment = lastLoadFrom(loads, vaddr);
  if (segment === undefined || vaddr - segment.vaddr >= segment.filesz) return undefined;
  const end = segment.offset + segment.filesz;
  return bytes.subarray(segment.offset + Number(vaddr - segment.vaddr), end);
}

/** The segment with the highest start at or below `vaddr`. */
function lastLoadFrom(loads: readonly Segment[], vaddr: bigint): Segment | undefined {
  let low = 0;
  let high = loads.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const start = loads[middle]?.vaddr;
    if (start !== undefined && start <= vaddr) low = middle + 1;
    else high = middle;
  }
  return loads[low - 1];
}

function checkSegment(raw: RawElf, segment: Segment, where: string): void {
  const { bytes, path } = raw;
  const { offset, filesz, memsz, align } = segment;
  if (segment.type === PT.NULL) return;
  // GNU ld gives a PT_TLS without initialised data an offset behind the end of the file.
  if (filesz > 0 && (!Number.isSafeInteger(offset + filesz) || offset + filesz > bytes.length)) {
    throw malformed(
      "UKL-206",
      path,
      `${where} has ${filesz} bytes at offset ${offset}, but the file has ${bytes.length} bytes`,
    );
  }
  if (!Number.isSafeInteger(memsz) || !Number.isSafeInteger(align)) {
    const code = segment.type === PT.TLS ? "UKL-209" : "UKL-208";
    throw malformed(code, path, `${where} has a p_memsz or p_align of 2^53 or more`);
  }
  if (segment.type === PT.LOAD) checkLoad(path, segment, where);
}

function checkLoad(path: string, segment: Segment, where: string): void {
  const { offset, vaddr, filesz, memsz, align } = segment;
  if (filesz > memsz) {
    throw malformed("UKL-208", path, `${where} has p_filesz ${filesz} above p_memsz ${memsz}`);
  }
  if (!isPowerOfTwo(Math.max(align, 1))) {
    throw malformed("UKL-208", path, `${where} has p_align ${align}, which is not a power of two`);
  }
  if (vaddr + BigInt(memsz) > addressSpaceEnd) {
    throw malformed("UKL-208", path, `${where} goes beyond the end of the address space`);
  }
  // A loader maps whole pages, so a larger p_align binds the address but not the offset in the file.
  const modulus = BigInt(Math.min(Math.max(align, 1), pageSizeBytes));
  if (filesz > 0 && vaddr % modulus !== BigInt(offset) % modulus) {
    throw malformed(
      "UKL-208",
      path,
      `${where} has p_vaddr ${hex(vaddr)} and p_offset ${hex(offset)}, which differ modulo ${modulus}`,
    );
  }
}

function checkOverlap(path: string, loads: readonly Segment[]): void {
  for (const [index, segment] of loads.entries()) {
    const next = loads[index + 1];
    if (next === undefined || segment.vaddr + BigInt(segment.memsz) <= next.vaddr) continue;
    throw malformed(
      "UKL-208",
      path,
      `the PT_LOAD at ${hex(segment.vaddr)} of ${segment.memsz} bytes overlaps the one at ${hex(next.vaddr)}`,
    );
  }
}

/** For safe integers; 0 is none. */
export function isPowerOfTwo(value: number): boolean {
  const bits = BigInt(value);
  return bits > 0n && (bits & (bits - 1n)) === 0n;
}
