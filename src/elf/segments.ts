// SPDX-License-Identifier: MIT
/** The program header table: what is mapped, where, and from which bytes of the file (gABI chapter 5). */
import { recordSizeBytes } from "./constants.js";
import type { HeaderTable } from "./header.js";
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
  /** Size in the file, in bytes. */
  readonly filesz: number;
  /** Size in memory, in bytes. */
  readonly memsz: number;
  /** 0 or 1 for none; a power of two where it has a meaning. */
  readonly align: number;
}

/**
 * Reads all segments, in the order of the file. What they say is not checked: Linux goes by PT_LOAD and PT_INTERP alone
 * (./executable.ts), and runs files with nonsense in the others.
 */
export function readSegments(raw: RawElf, table: HeaderTable): readonly Segment[] {
  return Array.from({ length: table.count }, (_, index) =>
    raw.segment(table.offset + index * recordSizeBytes.programHeader),
  );
}

/** 0 is none. */
export function isPowerOfTwo(value: number): boolean {
  const bits = BigInt(value);
  return bits > 0n && (bits & (bits - 1n)) === 0n;
}
