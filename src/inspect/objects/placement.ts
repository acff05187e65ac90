// SPDX-License-Identifier: MIT
/**
 * Gives addresses to the sections of a program: code, then data, then what is zero at start; and to the names
 * that a linker defines itself.
 *
 * A section of pointers that code walks from its start to its stop symbol (initialisers, sets of one's own) is
 * put there a second time as a whole, and the two symbols enclose that copy: the members can then be data
 * objects by themselves, and the set is one.
 */
import { SHT } from "../../elf/constants.js";
import { malformed } from "../../elf/malformed.js";
import type { Section } from "../../elf/sections.js";
import type { ElfSymbol } from "../../elf/symbols.js";
import type { Definition, Program } from "./resolve.js";
import { isCode, isThreadLocal, type Unit } from "./unit.js";

export interface PlacedSection {
  readonly unit: Unit;
  readonly section: Section;
  readonly address: number;
}

/** [start, end) in memory; the file has it up to `fileEnd`. */
export interface Area {
  readonly start: number;
  readonly fileEnd: number;
  readonly end: number;
}

export interface Placement {
  /** Copies included, by rising address. */
  readonly sections: readonly PlacedSection[];
  /** Undefined for what has no place in memory. */
  addressOf(unit: Unit, section: number): number | undefined;
  readonly commons: ReadonlyMap<ElfSymbol, number>;
  readonly code: Area;
  readonly data: Area;
  readonly tls: Area & { readonly alignBytes: number };
  /** Names that the linker defines, with their addresses. */
  readonly linkerNames: ReadonlyMap<string, number>;
  /** The sets of initialisers and finishers. */
  readonly arrays: ReadonlyMap<ArrayName, Area>;
}

/**
 * Numbers in code count as addresses when they are in the program, so this is where few other numbers are: no
 * text, no small numbers, no powers of two.
 */
const baseAddress = 0x11008000;
const pageBytes = 4096;
/** Addresses in instructions have 31 bits. */
const addressLimit = 2 ** 31;
export const frameSection = ".eh_frame";
/** More makes no difference to what code does, and a small file could ask for much room by it. */
const mostAlignBytes = 64;
/** Keeps the stop symbol of a set away from what follows. */
const gapBytes = 16;

const arrayNames = ["preinit_array", "init_array", "fini_array"] as const;
export type ArrayName = (typeof arrayNames)[number];
const arrayPatterns: Readonly<Record<ArrayName, RegExp>> = {
  preinit_array: /^\.preinit_array(?:\.|$)/,
  init_array: /^\.(?:init_array|ctors)(?:\.|$)/,
  fini_array: /^\.(?:fini_array|dtors)(?:\.|$)/,
};

/** Names of places between sections. Nothing is at them: an address of a neighbour would be a false trail. */
const markers = [
  ...["__executable_start", "__ehdr_start", "_GLOBAL_OFFSET_TABLE_", "_TLS_MODULE_BASE_", "_DYNAMIC"],
  ...["__rela_iplt_start", "__rela_iplt_end", "__GNU_EH_FRAME_HDR"],
  ...["etext", "_etext", "__etext", "edata", "_edata", "__bss_start", "end", "_end"],
];

/** Throws UKL-208 for more than fits. */
export function placeProgram(program: Program): Placement {
  const space = new Space();
  const linkerNames = new Map(markers.map((name) => [name, baseAddress]));
  space.skip(pageBytes, pageBytes);
  const kept = program.units.flatMap((unit) =>
    unit.sections
      .filter(({ index }) => !program.isDiscarded(unit, index))
      .map((section) => ({ unit, section })),
  );
  const [zero, filled] = split(kept, ({ section }) => section.type === SHT.NOBITS);
  const [code, data] = split(filled, ({ section }) => isCode(section));
  const [tlsData, plainData] = split(data, ({ section }) => isThreadLocal(section));
  const [tlsZero, plainZero] = split(zero, ({ section }) => isThreadLocal(section));

  const codeStart = space.end;
  placeCode(space, code, linkerNames);
  const codeEnd = space.end;
  space.skip(pageBytes, pageBytes);

  const dataStart = space.end;
  const [frames, others] = split(plainData, ({ section }) => section.name === frameSection);
  for (const each of [...others, ...frames]) space.place(each);
  const arrays = placeArrays(space, data, linkerNames);
  placeSets(space, plainData, program, linkerNames);
  const [tlsCommons, plainCommons] = split(commonsOf(program), ({ symbol }) => symbol.type === "tls");
  const tlsAligns = [...tlsData, ...tlsZero].map(({ section }) => section.addralign);
  const alignBytes = [...tlsAligns, ...tlsCommons.map(({ symbol }) => Number(symbol.value))].reduce(
    (most, each) => Math.max(most, each),
    1,
  );
  space.skip(0, mostAlignBytes);
  const tlsStart = space.end;
  for (const each of tlsData) space.place(each);
  const fileEnd = space.end;
  for (const each of tlsZero) space.place(each);
  const commons = new Map<ElfSymbol, number>();
  placeCommons(space, tlsCommons, commons);
  const tls = { start: tlsStart, fileEnd, end: space.end, alignBytes };
  for (const each of plainZero) space.place(each);
  placeCommons(space, plainCommons, commons);
  return {
    sections: space.placed,
    addressOf: (unit, section) => space.addressOf(unit, section),
    commons,
    code: { start: codeStart, fileEnd: codeEnd, end: codeEnd },
    data: { start: dataStart, fileEnd, end: space.end },
    tls,
    linkerNames,
    arrays,
  };
}

function split<T>(items: readonly T[], test: (item: T) => boolean): readonly [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}

type Kept = Pick<PlacedSection, "unit" | "section">;

/** Addresses that are given out, one behind the other. */
class Space {
  end = baseAddress;
  readonly placed: PlacedSection[] = [];
  readonly #addresses = new Map<Unit, Map<number, number>>();

  addressOf(unit: Unit, section: number): number | undefined {
    return this.#addresses.get(unit)?.get(section);
  }

  place({ unit, section }: Kept): void {
    const addresses = this.#addresses.get(unit) ?? new Map<number, number>();
    this.#addresses.set(unit, addresses);
    addresses.set(section.index, this.placeCopy({ unit, section }));
  }

  placeCopy({ unit, section }: Kept): number {
    this.skip(0, Math.min(Math.max(section.addralign, 1), mostAlignBytes), unit);
    const address = this.end;
    this.placed.push({ unit, section, address });
    this.skip(section.size, 1, unit);
    return address;
  }

  /** Moves on by so many bytes, and then to an aligned address. */
  skip(bytes: number, alignBytes: number, by?: Unit): void {
    this.end = Math.ceil((this.end + bytes) / alignBytes) * alignBytes;
    if (this.end < addressLimit) return;
    throw malformed("UKL-208", by?.file.path ?? "the program", "its sections do not fit into 2 GiB");
  }
}

/** `.init` and `.fini` are one function each, in pieces; other sections of one name may be a set. */
function placeCode(space: Space, code: readonly Kept[], linkerNames: Map<string, number>): void {
  const byName = groupBy(code, ({ name }) => (isSetName(name) || isPiece(name) ? name : ""));
  for (const [name, sections] of byName) {
    const start = space.end;
    for (const each of sections) space.place(each);
    if (!isSetName(name)) continue;
    linkerNames.set(`__start_${name}`, start);
    linkerNames.set(`__stop_${name}`, space.end);
  }
}

function isPiece(name: string): boolean {
  return name === ".init" || name === ".fini";
}

/** A name that C can spell. */
function isSetName(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name);
}

function placeArrays(space: Space, data: readonly Kept[], linkerNames: Map<string, number>) {
  const arrays = new Map<ArrayName, Area>();
  for (const name of arrayNames) {
    const area = placeSet(
      space,
      data.filter(({ section }) => arrayPatterns[name].test(section.name)),
    );
    linkerNames.set(`__${name}_start`, area.start);
    linkerNames.set(`__${name}_end`, area.end);
    arrays.set(name, area);
  }
  return arrays;
}

function placeSets(
  space: Space,
  data: readonly Kept[],
  { names }: Program,
  linkerNames: Map<string, number>,
): void {
  const sets = groupBy(data, ({ name }) => name);
  for (const [name, sections] of sets) {
    if (!isSetName(name) || !(names.has(`__start_${name}`) || names.has(`__stop_${name}`))) continue;
    const area = placeSet(space, sections);
    linkerNames.set(`__start_${name}`, area.start);
    linkerNames.set(`__stop_${name}`, area.end);
  }
}

function groupBy(
  items: readonly Kept[],
  key: (section: Section) => string,
): ReadonlyMap<string, readonly Kept[]> {
  const groups = new Map<string, Kept[]>();
  for (const item of items) {
    const known = groups.get(key(item.section));
    if (known === undefined) groups.set(key(item.section), [item]);
    else known.push(item);
  }
  return groups;
}

function placeSet(space: Space, sections: readonly Kept[]): Area {
  space.skip(gapBytes, gapBytes);
  const [start = space.end] = sections.map((each) => space.placeCopy(each));
  const end = space.end;
  space.skip(gapBytes, gapBytes);
  return { start, fileEnd: end, end };
}

function commonsOf({ names }: Program): readonly Definition[] {
  return [...names.values()].flatMap(({ definition }) =>
    definition?.symbol.section === "common" ? [definition] : [],
  );
}

/** Those of thread variables belong to the block of a thread, behind what is zero in it. */
function placeCommons(space: Space, symbols: readonly Definition[], placed: Map<ElfSymbol, number>): void {
  for (const { symbol, unit } of symbols) {
    // The value of a common symbol is its alignment.
    const { value, size } = symbol;
    space.skip(0, value > 0n && value < mostAlignBytes ? Number(value) : mostAlignBytes, unit);
    placed.set(symbol, space.end);
    space.skip(size, 1, unit);
  }
}
