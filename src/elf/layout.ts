// SPDX-License-Identifier: MIT
/**
 * What is read and checked at once when a file is opened: header, segments, sections. Everything else
 * (symbols, relocations, notes) is read from this value when it is asked for.
 */
import { type ElfKind, readHeader } from "./header.js";
import { malformed } from "./malformed.js";
import { readSections, type Section } from "./sections.js";
import { bytesFromAddress, readSegments, type Segment, sortedLoads } from "./segments.js";

export interface ElfLayout {
  /** The name the file goes by in messages. */
  readonly path: string;
  /** The whole file. All contents are views of it. */
  readonly bytes: Uint8Array;
  readonly kind: ElfKind;
  readonly machine: "x86-64";
  readonly entry: bigint;
  /** `e_flags`; no bit has a meaning on x86-64. */
  readonly flags: number;
  readonly segments: readonly Segment[];
  /** Empty in a file without section headers; else section 0 is the empty one. */
  readonly sections: readonly Section[];
  /** The bytes from an address to the end of the file's part of its PT_LOAD, or undefined for none. */
  bytesFrom(vaddr: bigint): Uint8Array | undefined;
}

/** Throws UKL-202 to UKL-208 and UKL-210. */
export function readLayout(bytes: Uint8Array, path: string): ElfLayout {
  const { raw, header } = readHeader(bytes, path);
  const segments = readSegments(raw, header.programHeaders);
  const sections = readSections(raw, header);
  const loads = sortedLoads(segments);
  return {
    path,
    bytes,
    kind: header.kind,
    machine: "x86-64",
    entry: header.entry,
    flags: header.flags,
    segments,
    sections,
    bytesFrom: (vaddr) => bytesFromAddress(bytes, loads, vaddr),
  };
}

/** The section a field refers to. Throws UKL-208 when there is none of that index. */
export function sectionAt(layout: ElfLayout, index: number, referrer: string): Section {
  const section = layout.sections[index];
  if (section !== undefined) return section;
  throw malformed(
    "UKL-208",
    layout.path,
    `${referrer} refers to section ${index}, but there are ${layout.sections.length}`,
  );
}

/** `size` bytes at an address that the file itself names. Throws UKL-206 when it does not have them. */
export function bytesAtOwnAddress(layout: ElfLayout, vaddr: bigint, size: bigint, what: string): Uint8Array {
  const bytes = layout.bytesFrom(vaddr);
  if (size === 0n) return new Uint8Array(0);
  if (bytes !== undefined && size <= bytes.length) return bytes.subarray(0, Number(size));
  throw malformed(
    "UKL-206",
    layout.path,
    `${what} is at address 0x${vaddr.toString(16)} with ${size} bytes, which no PT_LOAD has from the file`,
  );
}
