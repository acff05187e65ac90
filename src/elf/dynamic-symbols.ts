// SPDX-License-Identifier: MIT
/**
 * The dynamic symbol table, with versions, with or without section headers.
 *
 * The dynamic section tells where the table starts, but not how long it is. Without a section the length
 * follows from the hash table (which has the defined symbols) and from the relocations (which name the
 * undefined ones).
 */
import { DT, recordSizeBytes, SHT } from "./constants.js";
import { type Dynamic, type DynamicEntry, dynamicValue, readDynamicStrings } from "./dynamic.js";
import type { RelocationColumns } from "./dynamic-relocations.js";
import { Fields } from "./fields.js";
import { bytesAtOwnAddress, type ElfLayout } from "./layout.js";
import { malformed } from "./malformed.js";
import {
  noSymbols,
  openSymbolSection,
  readSymbolTable,
  type SymbolSource,
  type SymbolTable,
} from "./symbol-table.js";
import { readVersions } from "./versions.js";

/** All dynamic symbols, symbol 0 included; none without a dynamic section. Throws UKL-206, UKL-208. */
export function readDynamicSymbols(
  layout: ElfLayout,
  dynamic: Dynamic | undefined,
  relocations: () => RelocationColumns,
): SymbolTable {
  const entries = dynamic?.entries ?? [];
  const source = openSection(layout, entries) ?? openThroughDynamic(layout, entries, relocations);
  if (source === undefined) return noSymbols;
  const count = source.records.sizeBytes / recordSizeBytes.symbol;
  return readSymbolTable(layout, { ...source, versionOf: readVersions(layout, entries, count) });
}

/** The section of the loader's table, which tells how long that is. The loader itself does not look at sections. */
function openSection(layout: ElfLayout, entries: readonly DynamicEntry[]): SymbolSource | undefined {
  const address = dynamicValue(entries, DT.SYMTAB);
  const section = layout.sections.find(({ type }) => type === SHT.DYNSYM);
  if (address === undefined || section === undefined) return openSymbolSection(layout, SHT.DYNSYM);
  const strings = dynamicValue(entries, DT.STRTAB);
  const names = layout.sections[section.link];
  const mapped = layout.bytesFrom(address);
  const isSame =
    section.addr === address &&
    names?.addr === strings &&
    names?.type === SHT.STRTAB &&
    section.entsize === recordSizeBytes.symbol &&
    section.size % recordSizeBytes.symbol === 0 &&
    mapped?.byteOffset === layout.bytes.byteOffset + section.offset;
  return isSame ? openSymbolSection(layout, SHT.DYNSYM) : undefined;
}

function openThroughDynamic(
  layout: ElfLayout,
  entries: readonly DynamicEntry[],
  relocations: () => RelocationColumns,
): SymbolSource | undefined {
  const address = dynamicValue(entries, DT.SYMTAB);
  if (address === undefined) return undefined;
  const used = relocations().symbols.reduce((highest, symbol) => Math.max(highest, symbol), 0);
  const count = Math.max(used + 1, countInHash(layout, entries));
  const where = "the dynamic symbol table";
  const bytes = bytesAtOwnAddress(layout, address, BigInt(count * recordSizeBytes.symbol), where);
  return {
    records: new Fields(bytes, layout.path, where),
    strings: readDynamicStrings(layout, entries),
    extendedIndices: undefined,
    versionOf: () => undefined,
  };
}

function countInHash(layout: ElfLayout, entries: readonly DynamicEntry[]): number {
  const hash = openHash(layout, dynamicValue(entries, DT.HASH), "the hash table");
  // nbucket, nchain: there is one chain entry for each symbol (gABI chapter 5, "Hash Table").
  if (hash !== undefined) return hash.u32(4);
  const gnuHash = openHash(layout, dynamicValue(entries, DT.GNU_HASH), "the GNU hash table");
  return gnuHash === undefined ? 0 : countInGnuHash(gnuHash);
}

/**
 * DT_GNU_HASH: nbuckets, index of the first symbol in it, size of the Bloom filter in 64-bit words, shift;
 * filter; first symbol of each bucket (0: none); then a word for each symbol, whose bit 0 ends a bucket.
 */
function countInGnuHash(table: Fields): number {
  const bucketCount = table.u32(0);
  const firstHashed = table.u32(4);
  const buckets = 16 + table.u32(8) * 8;
  const chains = buckets + bucketCount * 4;
  let last = 0;
  for (let bucket = 0; bucket < bucketCount; bucket++) last = Math.max(last, table.u32(buckets + bucket * 4));
  if (last < firstHashed) return firstHashed;
  while ((table.u32(chains + (last - firstHashed) * 4) & 1) === 0) last++;
  return last + 1;
}

function openHash(layout: ElfLayout, address: bigint | undefined, where: string): Fields | undefined {
  if (address === undefined) return undefined;
  const bytes = layout.bytesFrom(address);
  if (bytes !== undefined) return new Fields(bytes, layout.path, where);
  throw malformed("UKL-206", layout.path, `no PT_LOAD has ${where} at 0x${address.toString(16)}`);
}
