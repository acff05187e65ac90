// SPDX-License-Identifier: MIT
/**
 * What the loader applies, as columns of numbers: a library has twenty thousand relocations, a large program half a million.
 *
 * RELR (gABI, "SHT_RELR") is the packed form of R_X86_64.RELATIVE, whose addend is in the place itself; it is unpacked.
 */
import { DT, R_X86_64, recordSizeBytes, SHT } from "./constants.js";
import { type Dynamic, type DynamicEntry, dynamicValue } from "./dynamic.js";
import { Fields } from "./fields.js";
import { bytesAtOwnAddress, type ElfLayout } from "./layout.js";
import { malformed } from "./malformed.js";
import { noSuchSymbol, type Relocation, relRefused } from "./relocations.js";
import { wordsOf } from "./words.js";

/** Addresses and addends are exact below 2^53, where those of programs are. */
export interface RelocationColumns {
  readonly count: number;
  /** The places to change. */
  readonly offsets: Float64Array;
  /** R_X86_64_*. */
  readonly types: Uint32Array;
  /** Indices of dynamic symbols; 0 for none. */
  readonly symbols: Uint32Array;
  readonly addends: Float64Array;
}

/** DT_RELR, DT_RELA, then DT_JMPREL. Throws UKL-206, UKL-208. */
export function readDynamicRelocations(layout: ElfLayout, dynamic: Dynamic | undefined): RelocationColumns {
  const entries = dynamic?.entries ?? [];
  const pltKind = dynamicValue(entries, DT.PLTREL);
  if (dynamicValue(entries, DT.REL) !== undefined || (pltKind !== undefined && pltKind !== BigInt(DT.RELA))) {
    throw relRefused(layout, "the dynamic section");
  }
  const packed = readRelr(layout, entries);
  const open = (addressTag: number, sizeTag: number, where: string) =>
    openDynamicTable(layout, entries, addressTag, sizeTag, where, recordSizeBytes.rela) ?? [];
  const tables = [
    open(DT.RELA, DT.RELASZ, "the relocation table (DT_RELA)"),
    open(DT.JMPREL, DT.PLTRELSZ, "the PLT relocation table (DT_JMPREL)"),
  ].flat();
  const records = tables.reduce((sum, { sizeBytes }) => sum + sizeBytes / recordSizeBytes.rela, 0);
  const columns = emptyColumns(packed.length + records);
  setRelocations(columns, packed);
  let first = packed.length;
  for (const table of tables) first = readRela(table, columns, first, symbolCountOf(layout));
  return columns;
}

/** The other direction: relocations that are in no file. */
export function tabulateRelocations(relocations: readonly Relocation[]): RelocationColumns {
  const columns = emptyColumns(relocations.length);
  setRelocations(columns, relocations);
  return columns;
}

function emptyColumns(count: number): RelocationColumns {
  return {
    count,
    offsets: new Float64Array(count),
    types: new Uint32Array(count),
    symbols: new Uint32Array(count),
    addends: new Float64Array(count),
  };
}

function setRelocations(columns: RelocationColumns, relocations: readonly Relocation[]): void {
  relocations.forEach(({ offset, type, symbolIndex, addend }, index) => {
    columns.offsets[index] = Number(offset);
    columns.types[index] = type;
    columns.symbols[index] = symbolIndex;
    columns.addends[index] = Number(addend);
  });
}

/** Without section headers the length of the symbol table is what the relocations use of it. */
function symbolCountOf({ sections }: ElfLayout): number {
  const symbolTable = sections.find(({ type }) => type === SHT.DYNSYM);
  if (symbolTable === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(Math.floor(symbolTable.size / recordSizeBytes.symbol), 1);
}

/** Elf64_Rela: offset at 0, type at 8, symbol at 12, addend at 16. Returns the place behind the last one. */
function readRela(table: Fields, columns: RelocationColumns, first: number, symbolCount: number): number {
  const words = wordsOf(table.bytes);
  const { offsets, types, symbols, addends } = columns;
  const end = first + table.sizeBytes / recordSizeBytes.rela;
  for (let index = first, word = 0; index < end; index++, word += 6) {
    const symbol = words[word + 3] as number;
    if (symbol >= symbolCount) throw noSuchSymbol(table, symbol, symbolCount);
    offsets[index] = (words[word] as number) + (words[word + 1] as number) * 2 ** 32;
    types[index] = words[word + 2] as number;
    symbols[index] = symbol;
    addends[index] = (words[word + 4] as number) + ((words[word + 5] as number) | 0) * 2 ** 32;
  }
  return end;
}

const relrRecordSize = 8;
const wordSize = 8n;
const placesInBitmap = 63n;

/**
 * An even record is the address of a place; an odd one is a bitmap of which of the 63 words that follow
 * the last place are places too. Every place is a word of the file, which bounds their number.
 */
function readRelr(layout: ElfLayout, entries: readonly DynamicEntry[]): readonly Relocation[] {
  const where = "the packed relocation table (DT_RELR)";
  const records = openDynamicTable(layout, entries, DT.RELR, DT.RELRSZ, where, relrRecordSize);
  const relocations: Relocation[] = [];
  const add = (offset: bigint) => {
    if (relocations.length * relrRecordSize >= layout.bytes.length) {
      throw malformed("UKL-208", layout.path, `${where} has more places than the file has words`);
    }
    const place = new Fields(bytesAtOwnAddress(layout, offset, wordSize, "a place"), layout.path, "a place");
    relocations.push({ offset, type: R_X86_64.RELATIVE, symbolIndex: 0, addend: place.i64(0) });
  };
  let next = 0n;
  for (let at = 0; at < (records?.sizeBytes ?? 0); at += relrRecordSize) {
    const record = records?.u64(at) ?? 0n;
    if ((record & 1n) === 0n) {
      add(record);
      next = record + wordSize;
      continue;
    }
    for (let bit = 0n; bit < placesInBitmap; bit++) {
      if ((record >> (bit + 1n)) & 1n) add(next + bit * wordSize);
    }
    next += placesInBitmap * wordSize;
  }
  return relocations;
}

function openDynamicTable(
  layout: ElfLayout,
  entries: readonly DynamicEntry[],
  addressTag: number,
  sizeTag: number,
  where: string,
  recordSize: number,
): Fields | undefined {
  const address = dynamicValue(entries, addressTag);
  const size = dynamicValue(entries, sizeTag) ?? 0n;
  if (address === undefined || size === 0n) return undefined;
  if (size % BigInt(recordSize) !== 0n) {
    throw malformed("UKL-208", layout.path, `${where} has ${size} bytes, not a multiple of ${recordSize}`);
  }
  return new Fields(bytesAtOwnAddress(layout, address, size, where), layout.path, where);
}
