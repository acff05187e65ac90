// SPDX-License-Identifier: MIT
/**
 * Symbols and relocations of a relocatable object as columns of numbers, without an object for each: a
 * kernel has a hundred thousand of them, and a build looks at every one.
 */
import { recordSizeBytes, SHN, SHT } from "./constants.js";
import { Fields } from "./fields.js";
import { type ElfLayout, sectionAt } from "./layout.js";
import { malformed } from "./malformed.js";
import { sectionBytes } from "./sections.js";
import { checkTableSize, openSymbolSection } from "./symbols.js";

export interface SymbolColumns {
  readonly count: number;
  /** Section each is defined in; 0 for an undefined one, -1 for one that is in no section. */
  readonly section: Int32Array;
  /** Offset in the section. */
  readonly value: Float64Array;
  /** STB_*: 0 local, 1 global, 2 weak. */
  readonly binding: Uint8Array;
  /** STT_*: 3 is a section itself. */
  readonly type: Uint8Array;
  /** Throws UKL-208. */
  nameOf(symbol: number): string;
}

/** All relocations: those of one section side by side, in the order of their places. */
export interface RelocationColumns {
  /** Those that change section N are from `first[N]` to before `first[N + 1]`. */
  readonly first: Uint32Array;
  /** The SHT_RELA section of each section; 0 for none. */
  readonly table: Uint32Array;
  /** Offset of each record in the file. */
  readonly at: Float64Array;
  readonly offset: Float64Array;
  readonly type: Uint32Array;
  readonly symbol: Uint32Array;
  readonly addend: Float64Array;
}

/** `.symtab`; empty when there is none. Throws UKL-208. */
export function readSymbolColumns(layout: ElfLayout): SymbolColumns {
  const source = openSymbolSection(layout, SHT.SYMTAB);
  const count = source === undefined ? 0 : source.records.sizeBytes / recordSizeBytes.symbol;
  const section = new Int32Array(count);
  const value = new Float64Array(count);
  const binding = new Uint8Array(count);
  const type = new Uint8Array(count);
  for (let symbol = 0; source !== undefined && symbol < count; symbol++) {
    const { records, extendedIndices } = source;
    const at = symbol * recordSizeBytes.symbol;
    const info = records.u8(at + 4);
    const index = records.u16(at + 6);
    binding[symbol] = info >> 4;
    type[symbol] = info & 15;
    value[symbol] = records.size(at + 8, `symbol ${symbol}`);
    const extended = index === SHN.XINDEX ? (extendedIndices?.u32(symbol * 4) ?? -1) : index;
    section[symbol] = index >= SHN.LORESERVE && index !== SHN.XINDEX ? -1 : extended;
    if ((section[symbol] ?? 0) > 0) sectionAt(layout, section[symbol] ?? 0, `symbol ${symbol}`);
  }
  const nameOf = (symbol: number) =>
    source?.strings.at(source.records.u32(symbol * recordSizeBytes.symbol)) ?? "";
  return { count, section, value, binding, type, nameOf };
}

/** Throws UKL-208. */
export function readRelocationColumns(layout: ElfLayout, symbolCount: number): RelocationColumns {
  const table = findTables(layout);
  const first = new Uint32Array(layout.sections.length + 1);
  table.forEach((index, target) => {
    const sizeBytes = index === 0 ? 0 : sectionAt(layout, index, "a section").size;
    first[target + 1] = (first[target] ?? 0) + sizeBytes / recordSizeBytes.rela;
  });
  const count = first[layout.sections.length] ?? 0;
  const columns = {
    at: new Float64Array(count),
    offset: new Float64Array(count),
    type: new Uint32Array(count),
    symbol: new Uint32Array(count),
    addend: new Float64Array(count),
  };
  table.forEach((index, target) => {
    if (index !== 0) readTable(layout, index, symbolCount, columns, first[target] ?? 0);
  });
  return { first, table, ...columns };
}

function findTables(layout: ElfLayout): Uint32Array {
  const table = new Uint32Array(layout.sections.length);
  for (const section of layout.sections) {
    if (section.type !== SHT.RELA && section.type !== SHT.REL) continue;
    const where = `section ${section.name || section.index}`;
    const target = sectionAt(layout, section.info, where);
    if (section.type === SHT.REL || table[target.index] !== 0) {
      throw malformed("UKL-208", layout.path, `${where} has REL relocations, or is the second of its target`);
    }
    checkTableSize(layout, section, recordSizeBytes.rela);
    table[target.index] = section.index;
  }
  return table;
}

/** Elf64_Rela: offset at 0, type at 8, symbol at 12, addend at 16. */
function readTable(
  layout: ElfLayout,
  index: number,
  symbolCount: number,
  columns: Omit<RelocationColumns, "first" | "table">,
  first: number,
): void {
  const section = sectionAt(layout, index, "a section");
  const where = `section ${section.name || section.index}`;
  const targetBytes = sectionAt(layout, section.info, where).size;
  const fields = new Fields(sectionBytes(layout.bytes, section), layout.path, where);
  recordsByPlace(fields).forEach((at, index) => {
    const place = fields.size(at, "an offset");
    const symbol = fields.u32(at + 12);
    if (place >= targetBytes || symbol >= symbolCount) {
      throw malformed(
        "UKL-208",
        layout.path,
        `${where} is about what its section or the symbols do not have`,
      );
    }
    const record = first + index;
    columns.at[record] = section.offset + at;
    columns.offset[record] = place;
    columns.type[record] = fields.u32(at + 8);
    columns.symbol[record] = symbol;
    columns.addend[record] = fields.u32(at + 16) + (fields.u32(at + 20) | 0) * 2 ** 32;
  });
}

/** Offsets of the records in a table. An assembler writes those of jumps behind the others. */
function recordsByPlace(fields: Fields): Uint32Array {
  const count = fields.sizeBytes / recordSizeBytes.rela;
  const records = Uint32Array.from({ length: count }, (_, index) => index * recordSizeBytes.rela);
  const isSorted = records.every(
    (at, index) => index === 0 || fields.u32(at - recordSizeBytes.rela) <= fields.u32(at),
  );
  return isSorted ? records : records.sort((left, right) => fields.u32(left) - fields.u32(right));
}
