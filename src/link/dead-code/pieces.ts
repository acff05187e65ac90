// SPDX-License-Identifier: MIT
/**
 * Cuts sections into the pieces that are needed or not on their own. Most sections are one piece: the
 * compiler made one for each function and variable. Cut are
 *
 *   side tables      into their records
 *   replacements     (.altinstr_replacement) into the code that one record of .altinstructions names
 *   detours          (.altinstr_aux) where code jumps to: each ends in a jump back
 *
 * A section that does not look as it should stays whole.
 */
import { R_X86_64, SHF } from "../../elf/constants.js";
import { type KernelObject, relocationRange, targetOffset, targetSection } from "./object.js";
import type { SectionKind } from "./section-kinds.js";
import { alternative, type SideTable, sideTables } from "./side-tables.js";

export interface Pieces {
  /** By section, and one more: the pieces of section N are from `first[N]` to before `first[N + 1]`. */
  readonly first: Uint32Array;
  /** Section of each piece. */
  readonly section: Uint32Array;
  /** Offset in its section at which each piece starts. */
  readonly start: Uint32Array;
  /** By section: what became of what its name says. */
  readonly kinds: readonly SectionKind[];
}

/** The size of a record, and where in it the relocations are. */
interface RecordFormat {
  readonly recordBytes: number;
  readonly places: readonly number[];
}

/** With `tables` false, side tables are ordinary data that the kernel's script keeps. */
export function cutIntoPieces(object: KernelObject, tables: boolean): Pieces {
  const kinds = [...object.kinds];
  const formats = new Map<number, RecordFormat>();
  kinds.forEach((kind, section) => {
    if (kind !== "table") return;
    const format = tables ? recordFormat(object, section) : undefined;
    if (format === undefined) kinds[section] = "root";
    else formats.set(section, format);
  });
  const cuts = new Map<number, Set<number>>();
  keepWholeWhatIsEntered(object, kinds, cuts);
  cutReplacements(object, kinds, cuts);
  return number(object, kinds, formats, cuts);
}

/** The format of a table, when every record has its relocations where that says, and no others. */
function recordFormat(object: KernelObject, section: number): RecordFormat | undefined {
  const size = object.sections.size[section] ?? 0;
  const { recordBytes, places } = sideTables.get(object.sections.nameOf(section)) as SideTable;
  const formats = recordBytes.map((bytes, index) => ({ recordBytes: bytes, places: places[index] ?? [] }));
  return formats.find((format) => size % format.recordBytes === 0 && fits(object, section, size, format));
}

function fits(object: KernelObject, section: number, size: number, format: RecordFormat): boolean {
  const { recordBytes, places } = format;
  const { offset, type } = object.relocations;
  const [first, end] = relocationRange(object, section);
  if (end - first !== (size / recordBytes) * places.length) return false;
  for (let index = first; index < end; index++) {
    const record = Math.floor((index - first) / places.length);
    const place = record * recordBytes + (places[(index - first) % places.length] ?? 0);
    if (offset[index] !== place || !recordRelocations.has(type[index] ?? 0)) return false;
  }
  return true;
}

const recordRelocations = new Set<number>([R_X86_64.PC32, R_X86_64.PC64, R_X86_64.ABS64]);

/**
 * Nothing may refer into a table; only a table into replacements; into detours nothing but jumps, which say
 * where a piece starts.
 */
function keepWholeWhatIsEntered(
  object: KernelObject,
  kinds: SectionKind[],
  cuts: Map<number, Set<number>>,
): void {
  kinds.forEach((source, section) => {
    if (source === "outside") return;
    const [first, end] = relocationRange(object, section);
    for (let index = first; index < end; index++) {
      const target = targetSection(object, index);
      const kind = kinds[target];
      if (kind === "table") kinds[target] = "root";
      if (source === "table") continue;
      if (kind === "replacements") kinds[target] = "collectable";
      if (kind !== "detours") continue;
      if (isJump(object, section, index)) addCut(cuts, target, targetOffset(object, index) + 4);
      else kinds[target] = "collectable";
    }
  });
}

/** The last four bytes of `jmp` or of a conditional jump: the addend counts from their end. */
export function isJump(
  { bytes, sections, relocations }: KernelObject,
  section: number,
  index: number,
): boolean {
  const type = relocations.type[index];
  if (type !== R_X86_64.PC32 && type !== R_X86_64.PLT32) return false;
  if (((sections.flags[section] ?? 0) & SHF.EXECINSTR) === 0) return false;
  const at = (sections.offset[section] ?? 0) + (relocations.offset[index] ?? 0);
  const [beforeLast = 0, last = 0] = [bytes[at - 2], bytes[at - 1]];
  return last === 0xe9 || (beforeLast === 0x0f && last >= 0x80 && last <= 0x8f);
}

function cutReplacements(object: KernelObject, kinds: SectionKind[], cuts: Map<number, Set<number>>): void {
  kinds.forEach((_, section) => {
    const [first, end] = relocationRange(object, section);
    for (let index = first; index < end; index++) {
      const target = targetSection(object, index);
      if (kinds[target] !== "replacements") continue;
      const length = replacementBytes(object, section, index);
      if (length === undefined) continue;
      const start = targetOffset(object, index);
      addCut(cuts, target, start, start + length);
    }
  });
}

/** How long the replacement is that a relocation of `.altinstructions` names; undefined when it names none. */
export function replacementBytes(object: KernelObject, section: number, index: number): number | undefined {
  const { bytes, sections } = object;
  if (sections.nameOf(section) !== ".altinstructions") return undefined;
  const place = object.relocations.offset[index] ?? 0;
  const inRecord = place % alternative.sizeBytes;
  if (inRecord !== alternative.replacement) return undefined;
  return bytes[(sections.offset[section] ?? 0) + place - inRecord + alternative.length];
}

function addCut(cuts: Map<number, Set<number>>, section: number, ...offsets: readonly number[]): void {
  const known = cuts.get(section) ?? new Set();
  for (const offset of offsets) known.add(offset);
  cuts.set(section, known);
}

function number(
  { sections }: KernelObject,
  kinds: readonly SectionKind[],
  formats: ReadonlyMap<number, RecordFormat>,
  cuts: ReadonlyMap<number, Set<number>>,
): Pieces {
  const first = new Uint32Array(kinds.length + 1);
  const section: number[] = [];
  const start: number[] = [];
  const add = (index: number, offset: number) => {
    section.push(index);
    start.push(offset);
  };
  kinds.forEach((kind, index) => {
    const size = sections.size[index] ?? 0;
    const recordBytes = formats.get(index)?.recordBytes ?? 1;
    if (kind === "table") {
      for (let offset = 0; offset < size; offset += recordBytes) add(index, offset);
    } else {
      add(index, 0);
      const isCut = kind === "replacements" || kind === "detours";
      const inside = isCut ? [...(cuts.get(index) ?? [])] : [];
      for (const offset of inside.sort((left, right) => left - right)) {
        if (offset > 0 && offset < size) add(index, offset);
      }
    }
    first[index + 1] = section.length;
  });
  return { first, section: Uint32Array.from(section), start: Uint32Array.from(start), kinds };
}

/** The piece that has the byte at an offset of a section. */
export function pieceAt({ first, start }: Pieces, section: number, offset: number): number {
  let low = first[section] ?? 0;
  let high = (first[section + 1] ?? 0) - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((start[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
