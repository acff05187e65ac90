// SPDX-License-Identifier: MIT
/**
 * Symbol tables (gABI chapter 4, "Symbol Table"). A table can have a million symbols: their names, which
 * are the costly part, are decoded when asked for.
 */
import { recordSizeBytes, SHN, SHT } from "./constants.js";
import { Fields } from "./fields.js";
import { type ElfLayout, sectionAt } from "./layout.js";
import { malformed } from "./malformed.js";
import { type Section, sectionBytes } from "./sections.js";
import { StringTable } from "./strings.js";
import type { SymbolVersion } from "./versions.js";

type SymbolBinding = "local" | "global" | "weak" | "unique" | "other";
type SymbolVisibility = "default" | "internal" | "hidden" | "protected";
type SymbolType = "none" | "object" | "function" | "section" | "file" | "common" | "tls" | "ifunc" | "other";

/** Where a symbol is defined when it is in no section; "other" is an index reserved by a processor or OS. */
type SpecialSection = "undefined" | "absolute" | "common" | "other";

export interface ElfSymbol {
  /** Decoded at first use. Throws UKL-208. */
  readonly name: string;
  /** An address; in a relocatable file an offset in its section; for "common" an alignment. */
  readonly value: bigint;
  /** In bytes; 0 when unknown. */
  readonly size: number;
  readonly binding: SymbolBinding;
  readonly type: SymbolType;
  readonly visibility: SymbolVisibility;
  /** Index of the section it is defined in, also when the file has 65280 sections or more. */
  readonly section: number | SpecialSection;
  /** Only in the dynamic symbol table. */
  readonly version: SymbolVersion | undefined;
}

/** The parts a symbol table is read from. */
export interface SymbolSource {
  readonly records: Fields;
  readonly strings: StringTable;
  /** SHT_SYMTAB_SHNDX: the section index of each symbol whose own is SHN_XINDEX. */
  readonly extendedIndices: Fields | undefined;
  readonly versionOf: (symbolIndex: number) => SymbolVersion | undefined;
}

const bindings: readonly SymbolBinding[] = ["local", "global", "weak"];
const gnuUniqueBinding = 10;
const types: readonly SymbolType[] = ["none", "object", "function", "section", "file", "common", "tls"];
const gnuIfuncType = 10;
const visibilities = ["default", "internal", "hidden", "protected"] as const;

/** All symbols, the empty symbol 0 included, so that places in the array are symbol indices. Throws UKL-208. */
export function readSymbols(layout: ElfLayout, source: SymbolSource): readonly ElfSymbol[] {
  const { records } = source;
  const symbols: ElfSymbol[] = [];
  for (let at = 0; at < records.sizeBytes; at += recordSizeBytes.symbol) {
    symbols.push(new LazySymbol(layout, source, at));
  }
  return symbols;
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

/** An Elf64_Sym: name at 0, info at 4, other at 5, shndx at 6, value at 8, size at 16. */
class LazySymbol implements ElfSymbol {
  readonly value: bigint;
  readonly size: number;
  readonly binding: SymbolBinding;
  readonly type: SymbolType;
  readonly visibility: SymbolVisibility;
  readonly section: number | SpecialSection;
  readonly version: SymbolVersion | undefined;
  readonly #nameOffset: number;
  readonly #strings: StringTable;
  #name: string | undefined;

  constructor(layout: ElfLayout, source: SymbolSource, at: number) {
    const { records, strings } = source;
    const index = at / recordSizeBytes.symbol;
    const info = records.u8(at + 4);
    this.value = records.u64(at + 8);
    this.size = records.size(at + 16, `the size of symbol ${index}`);
    this.binding = bindings[info >> 4] ?? (info >> 4 === gnuUniqueBinding ? "unique" : "other");
    this.type = types[info & 15] ?? ((info & 15) === gnuIfuncType ? "ifunc" : "other");
    this.visibility = visibilities[records.u8(at + 5) & 3] ?? "default";
    this.section = sectionOfSymbol(layout, source, index, records.u16(at + 6));
    this.version = source.versionOf(index);
    this.#nameOffset = records.u32(at);
    this.#strings = strings;
  }

  get name(): string {
    this.#name ??= this.#strings.at(this.#nameOffset);
    return this.#name;
  }
}

function sectionOfSymbol(
  layout: ElfLayout,
  source: SymbolSource,
  symbolIndex: number,
  index: number,
): number | SpecialSection {
  if (index === SHN.UNDEF) return "undefined";
  if (index < SHN.LORESERVE) return checkedSectionIndex(layout, index, symbolIndex);
  if (index === SHN.ABS) return "absolute";
  if (index === SHN.COMMON) return "common";
  if (index !== SHN.XINDEX) return "other";
  if (source.extendedIndices === undefined) {
    throw malformed("UKL-208", layout.path, `symbol ${symbolIndex} needs a section SHT_SYMTAB_SHNDX`);
  }
  return checkedSectionIndex(layout, source.extendedIndices.u32(symbolIndex * 4), symbolIndex);
}

/** A file without section headers keeps the indices of the sections it once had. */
function checkedSectionIndex(layout: ElfLayout, index: number, symbolIndex: number): number {
  if (layout.sections.length > 0) sectionAt(layout, index, `symbol ${symbolIndex}`);
  return index;
}
