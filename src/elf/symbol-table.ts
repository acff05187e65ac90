// SPDX-License-Identifier: MIT
/**
 * Symbol tables (gABI chapter 4, "Symbol Table") as columns of numbers. A table can have a million symbols: an object
 * each is what ./symbols.ts makes for those who want it, and names are decoded when asked for.
 */
import { recordSizeBytes, SHN, SHT, STT } from "./constants.js";
import { Fields } from "./fields.js";
import { type ElfLayout, sectionAt } from "./layout.js";
import { malformed } from "./malformed.js";
import { type Section, sectionBytes } from "./sections.js";
import { StringTable } from "./strings.js";
import { nameFinder } from "./symbol-names.js";
import type { SymbolVersion } from "./versions.js";
import { wordsOf } from "./words.js";

/** The empty symbol 0 is included, so that places in the columns are symbol indices. */
export interface SymbolTable {
  readonly count: number;
  /** STT_*, STB_* and STV_*. */
  readonly types: Uint8Array;
  readonly bindings: Uint8Array;
  readonly visibilities: Uint8Array;
  /** Index of the section each is defined in, or one of `noSection`. */
  readonly sections: Int32Array;
  /** Addresses; exact below 2^53, where those of programs are. */
  readonly values: Float64Array;
  /** In bytes; 0 when unknown. */
  readonly sizes: Float64Array;
  /** Throws UKL-208. */
  nameOf(symbol: number): string;
  /** Of all names, as `hashName` computes them. Throws UKL-208. */
  hashes(): Uint32Array;
  /** The symbols of a name, in the order of the table. Throws UKL-208. */
  named(name: string): readonly number[];
  exactValueOf(symbol: number): bigint;
  /** Only in the dynamic symbol table. */
  versionOf(symbol: number): SymbolVersion | undefined;
}

/** In place of a section; "other" is an index reserved by a processor or OS. */
export const noSection = { undefined: -1, absolute: -2, common: -3, other: -4 } as const;

/** The parts a symbol table is read from. */
export interface SymbolSource {
  readonly records: Fields;
  readonly strings: StringTable;
  /** SHT_SYMTAB_SHNDX: the section index of each symbol whose own is SHN_XINDEX. */
  readonly extendedIndices: Fields | undefined;
  readonly versionOf: (symbolIndex: number) => SymbolVersion | undefined;
}

export const noSymbols: SymbolTable = {
  ...emptyColumns(0),
  nameOf: () => "",
  hashes: () => new Uint32Array(),
  named: () => [],
  exactValueOf: () => 0n,
  versionOf: () => undefined,
};

export function emptyColumns(count: number) {
  return {
    count,
    types: new Uint8Array(count),
    bindings: new Uint8Array(count),
    visibilities: new Uint8Array(count),
    sections: new Int32Array(count),
    values: new Float64Array(count),
    sizes: new Float64Array(count),
  };
}

/** Whether a symbol is a function that is in the file. */
export function isFunction({ types, sections }: SymbolTable, symbol: number): boolean {
  const type = types[symbol];
  return (type === STT.FUNC || type === STT.GNU_IFUNC) && (sections[symbol] as number) >= 0;
}

/** Throws UKL-208. Elf64_Sym: name at 0, info at 4, other at 5, shndx at 6, value at 8, size at 16. */
export function readSymbolTable(layout: ElfLayout, source: SymbolSource): SymbolTable {
  const { records, strings, versionOf } = source;
  const words = wordsOf(records.bytes);
  const count = records.sizeBytes / recordSizeBytes.symbol;
  const columns = emptyColumns(count);
  const { types, bindings, visibilities, sections, values, sizes } = columns;
  for (let symbol = 0, word = 0; symbol < count; symbol++, word += 6) {
    const facts = words[word + 1] as number;
    types[symbol] = facts & 15;
    bindings[symbol] = (facts >>> 4) & 15;
    visibilities[symbol] = (facts >>> 8) & 3;
    values[symbol] = (words[word + 2] as number) + (words[word + 3] as number) * 2 ** 32;
    const size = (words[word + 4] as number) + (words[word + 5] as number) * 2 ** 32;
    sizes[symbol] = Number.isSafeInteger(size)
      ? size
      : records.size(word * 4 + 16, `the size of symbol ${symbol}`);
    sections[symbol] = sectionOfSymbol(layout, source, symbol, facts >>> 16);
  }
  const names: string[] = [];
  const nameOf = (symbol: number) => {
    names[symbol] ??= strings.at(words[symbol * 6] as number);
    return names[symbol];
  };
  return {
    ...columns,
    nameOf,
    ...nameFinder(count, (symbol) => strings.hashAt(words[symbol * 6] as number), nameOf),
    exactValueOf: (symbol) => records.u64(symbol * recordSizeBytes.symbol + 8),
    versionOf,
  };
}

/**
 * The symbol table section of a type with its strings; undefined when there is none. Throws UKL-208.
 */
export function openSymbolSection(
  layout: ElfLayout,
  type: typeof SHT.SYMTAB | typeof SHT.DYNSYM,
): SymbolSource | undefined {
  const section = layout.sections.find((candidate) => candidate.type === type);
  if (section === undefined) return undefined;
  const { path, bytes } = layout;
  const where = `section ${section.name || section.index}`;
  checkTableSize(layout, section, recordSizeBytes.symbol);
  const names = sectionAt(layout, section.link, where);
  if (names.type !== SHT.STRTAB) {
    throw malformed(
      "UKL-208",
      path,
      `${where} has its names in section ${names.index}, which has no strings`,
    );
  }
  const extended = layout.sections.find(
    (candidate) => candidate.type === SHT.SYMTAB_SHNDX && candidate.link === section.index,
  );
  return {
    records: new Fields(sectionBytes(bytes, section), path, where),
    strings: new StringTable(sectionBytes(bytes, names), path, `section ${names.name || names.index}`),
    extendedIndices:
      extended &&
      new Fields(sectionBytes(bytes, extended), path, `section ${extended.name || extended.index}`),
    versionOf: () => undefined,
  };
}

/** Checks that a section is a whole number of records of the size the format gives. Throws UKL-208. */
export function checkTableSize(layout: ElfLayout, section: Section, recordSize: number): void {
  if (section.entsize === recordSize && section.size % recordSize === 0) return;
  throw malformed(
    "UKL-208",
    layout.path,
    `section ${section.name || section.index} has ${section.size} bytes in records of ${section.entsize}, not of ${recordSize}`,
  );
}

function sectionOfSymbol(layout: ElfLayout, source: SymbolSource, symbolIndex: number, index: number) {
  if (index === SHN.UNDEF) return noSection.undefined;
  if (index < SHN.LORESERVE) return checkedSectionIndex(layout, index, symbolIndex);
  if (index === SHN.ABS) return noSection.absolute;
  if (index === SHN.COMMON) return noSection.common;
  if (index !== SHN.XINDEX) return noSection.other;
  if (source.extendedIndices === undefined) {
    throw malformed("UKL-208", layout.path, `symbol ${symbolIndex} needs a section SHT_SYMTAB_SHNDX`);
  }
  return checkedSectionIndex(layout, source.extendedIndices.u32(symbolIndex * 4), symbolIndex);
}

/** A file without section headers keeps the indices of the sections it once had. */
function checkedSectionIndex(layout: ElfLayout, index: number, symbolIndex: number): number {
  if (index >= layout.sections.length && layout.sections.length > 0)
    sectionAt(layout, index, `symbol ${symbolIndex}`);
  return index;
}
