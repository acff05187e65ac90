// SPDX-License-Identifier: MIT
/**
 * What is read at once when a file is opened: header, segments, sections. Everything else (symbols, relocations, notes)
 * is read from this value when it is asked for.
 */
import { type ElfKind, readHeader } from "./header.js";
import { type HintReader, hintReader } from "./hints.js";
import { malformed } from "./malformed.js";
import { type MappedMemory, mappedLoads, openMemory } from "./mapped.js";
import { readSections, type Section } from "./sections.js";
import { readSegments, type Segment } from "./segments.js";

export interface ElfLayout extends MappedMemory {
  /** The name the file goes by in messages. */
  readonly path: string;
  /** The whole file. All contents are views of it. */
  readonly bytes: Uint8Array;
  readonly kind: ElfKind;
  readonly machine: "x86-64";
  readonly entry: bigint;
  /** `e_flags`; no bit has a meaning on x86-64. */
  readonly flags: number;
  /** As the program headers have them. */
  readonly segments: readonly Segment[];
  /** What of the PT_LOADs is mapped, by rising address, without overlaps, and with no more bytes than the file has. */
  readonly loads: readonly Segment[];
  /** Empty in a file without section headers; else section 0 is the empty one. */
  readonly sections: readonly Section[];
  /** What was passed over so far, as one sentence each: it does not keep Linux from running the file. */
  readonly problems: readonly string[];
}

/** More tell nothing new. */
const mostProblems = 20;

export interface OpenedLayout {
  readonly layout: ElfLayout;
  /** Reads what Linux does not look at. */
  readonly hint: HintReader;
  /** Adds to `problems`. */
  readonly tell: (problem: string) => void;
}

/** Throws UKL-202 to UKL-208 and UKL-210. */
export function readLayout(bytes: Uint8Array, path: string): OpenedLayout {
  const { raw, header } = readHeader(bytes, path);
  const { kind, entry, flags, tableProblem } = header;
  const problems = tableProblem === undefined ? [] : [`the section headers are not used: ${tableProblem}`];
  const tell = (problem: string) => {
    if (!problems.includes(problem) && problems.length < mostProblems) problems.push(problem);
  };
  const hint = hintReader(kind !== "relocatable", tell);
  const segments = readSegments(raw, header.programHeaders);
  const sections = hint("the section headers", [], () => readSections(raw, header));
  const loads = mappedLoads(segments, bytes.length, entry);
  const memory = openMemory(bytes, loads);
  const layout = {
    path,
    bytes,
    kind,
    machine: "x86-64",
    entry,
    flags,
    segments,
    loads,
    sections,
    problems,
  } as const;
  return { layout: { ...layout, ...memory }, hint, tell };
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
  if (size === 0n) return new Uint8Array(0);
  const bytes = layout.memoryAt(vaddr, Number(size));
  if (bytes !== undefined) return bytes;
  throw malformed(
    "UKL-206",
    layout.path,
    `${what} is at address 0x${vaddr.toString(16)} with ${size} bytes, which no PT_LOAD has`,
  );
}
