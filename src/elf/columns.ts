// SPDX-License-Identifier: MIT
/**
 * A relocatable object as columns of numbers: the same as in ./file.ts, for what looks at every symbol and
 * relocation of a kernel in each build. A hundred thousand objects take too long for that.
 */
import { recordSizeBytes, SHN, SHT } from "./constants.js";
import { Fields } from "./fields.js";
import { malformed } from "./malformed.js";
import { readSectionColumns, type SectionColumns } from "./section-columns.js";
import { StringTable } from "./strings.js";

interface SymbolColumns {
  readonly count: number;
  /** Section each is defined in; 0 for an undefined one, -1 for one that is in no section. */
  readonly section: Int32Array;
  /** Offset in the section. */
  readonly value: Uint32Array;
  /** STB_*: 0 local, 1 global, 2 weak. */
  readonly binding: Uint8Array;
  /** Throws UKL-208. */
  nameOf(symbol: number): string;
}

/** All relocations: those of one section side by side, in the order of their places. */
interface RelocationColumns {
  /** By section, and one more: those that change section N are from `first[N]` to before `first[N + 1]`. */
  readonly first: Uint32Array;
  /** The SHT_RELA section of each section; 0 for none. */
  readonly table: Uint32Array;
  /** Offset of each record in the file. */
  readonly at: Uint32Array;
  readonly offset: Uint32Array;
  readonly type: Uint32Array;
  readonly symbol: Uint32Array;
  readonly addend: Float64Array;
}

export interface ObjectColumns {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly sections: SectionColumns;
  readonly symbols: SymbolColumns;
  readonly relocations: RelocationColumns;
}

/** Throws UKL-202 to UKL-208 and UKL-210. */
export function readColumns(bytes: Uint8Array, path: string): ObjectColumns {
  const sections = readSectionColumns(bytes, path);
  const file = new Fields(bytes, path, "the file");
  const symbols = readSymbols(sections, file);
  return { path, bytes, sections, symbols, relocations: readRelocations(sections, symbols.count, file) };
}

/** Elf64_Sym: name at 0, info at 4, shndx at 6, value at 8. */
function readSymbols(sections: SectionColumns, file: Fields): SymbolColumns {
  const { path } = file;
  const table = Math.max(sections.type.indexOf(SHT.SYMTAB), 0);
  const count = recordCount(sections, table, recordSizeBytes.symbol, path);
  const begin = sections.offset[table] ?? 0;
  const link = sections.link[table] ?? 0;
  const strings = new StringTable(sections.bytesOf(link), path, "the names of symbols");
  const extended = new Fields(
    sections.bytesOf(Math.max(sections.type.indexOf(SHT.SYMTAB_SHNDX), 0)),
    path,
    "the extended section indices",
  );
  const section = new Int32Array(count);
  const value = new Uint32Array(count);
  const binding = new Uint8Array(count);
  for (let symbol = 0; symbol < count; symbol++) {
    const at = begin + symbol * recordSizeBytes.symbol;
    const index = file.u16(at + 6);
    binding[symbol] = file.u8(at + 4) >> 4;
    value[symbol] = file.u32(at + 8); // an offset in a section, or of no interest
    const reserved = index >= SHN.LORESERVE && index !== SHN.XINDEX;
    section[symbol] = reserved ? -1 : index === SHN.XINDEX ? extended.u32(symbol * 4) : index;
    if ((section[symbol] ?? 0) >= sections.count) {
      throw malformed("UKL-208", path, `symbol ${symbol} is in section ${section[symbol]}`);
    }
  }
  const nameOf = (symbol: number) => strings.at(file.u32(begin + symbol * recordSizeBytes.symbol));
  return { count, section, value, binding, nameOf };
}

function readRelocations(sections: SectionColumns, symbolCount: number, file: Fields): RelocationColumns {
  const table = findTables(sections, file.path);
  const first = new Uint32Array(sections.count + 1);
  for (let target = 0; target < sections.count; target++) {
    const own = table[target] ?? 0;
    const records = own === 0 ? 0 : recordCount(sections, own, recordSizeBytes.rela, file.path);
    first[target + 1] = (first[target] ?? 0) + records;
  }
  const count = first[sections.count] ?? 0;
  if (count * recordSizeBytes.rela > file.sizeBytes) {
    throw malformed("UKL-208", file.path, "its relocation sections overlap");
  }
  const columns = {
    at: new Uint32Array(count),
    offset: new Uint32Array(count),
    type: new Uint32Array(count),
    symbol: new Uint32Array(count),
    addend: new Float64Array(count),
  };
  for (let target = 0; target < sections.count; target++) {
    if (table[target])
      readTable(sections, table[target] ?? 0, symbolCount, columns, first[target] ?? 0, file);
  }
  return { first, table, ...columns };
}

function findTables(sections: SectionColumns, path: string): Uint32Array {
  const table = new Uint32Array(sections.count);
  for (let section = 0; section < sections.count; section++) {
    const type = sections.type[section];
    if (type !== SHT.RELA && type !== SHT.REL) continue;
    const target = sections.info[section] ?? 0;
    if (type === SHT.REL || target >= sections.count || table[target] !== 0) {
      throw malformed(
        "UKL-208",
        path,
        `section ${section} has REL relocations, or none of its own to change`,
      );
    }
    table[target] = section;
  }
  return table;
}

/** Elf64_Rela: offset at 0, type at 8, symbol at 12, addend at 16. */
function readTable(
  sections: SectionColumns,
  table: number,
  symbolCount: number,
  columns: Omit<RelocationColumns, "first" | "table">,
  first: number,
  file: Fields,
): void {
  const begin = sections.offset[table] ?? 0;
  const count = (sections.size[table] ?? 0) / recordSizeBytes.rela;
  const targetBytes = sections.size[sections.info[table] ?? 0] ?? 0;
  const order = recordOrder(file, begin, count);
  for (let index = 0; index < count; index++) {
    const at = begin + (order?.[index] ?? index) * recordSizeBytes.rela;
    const place = file.u32(at);
    const symbol = file.u32(at + 12);
    if (file.u32(at + 4) !== 0 || place >= targetBytes || symbol >= symbolCount) {
      throw malformed(
        "UKL-208",
        file.path,
        `section ${table} is about what its section or the symbols do not have`,
      );
    }
    const record = first + index;
    columns.at[record] = at;
    columns.offset[record] = place;
    columns.type[record] = file.u32(at + 8);
    columns.symbol[record] = symbol;
    columns.addend[record] = file.u32(at + 16) + (file.u32(at + 20) | 0) * 2 ** 32;
  }
}

/** By their places; undefined when they are so already. An assembler writes those of jumps behind the others. */
function recordOrder(file: Fields, begin: number, count: number): Uint32Array | undefined {
  const placeOf = (record: number) => file.u32(begin + record * recordSizeBytes.rela);
  let sorted = true;
  for (let record = 1; sorted && record < count; record++) sorted = placeOf(record - 1) <= placeOf(record);
  if (sorted) return undefined;
  const records = Uint32Array.from({ length: count }, (_, record) => record);
  return records.sort((left, right) => placeOf(left) - placeOf(right));
}

function recordCount(sections: SectionColumns, section: number, recordSize: number, path: string): number {
  const sizeBytes = section === 0 ? 0 : (sections.size[section] ?? 0);
  if (sizeBytes % recordSize !== 0 || (sizeBytes > 0 && sections.entsize[section] !== recordSize)) {
    throw malformed(
      "UKL-208",
      path,
      `section ${section} has ${sizeBytes} bytes, not records of ${recordSize}`,
    );
  }
  return sizeBytes / recordSize;
}
