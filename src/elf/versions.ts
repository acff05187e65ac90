// SPDX-License-Identifier: MIT
/**
 * Symbol versions (LSB Core, "Symbol Versioning"): which version of a symbol a file offers or wants, and
 * of which library. Found through the dynamic section.
 */
import { DT } from "./constants.js";
import { type DynamicEntry, dynamicValue, readDynamicStrings } from "./dynamic.js";
import { Fields } from "./fields.js";
import { bytesAtOwnAddress, type ElfLayout } from "./layout.js";
import { malformed } from "./malformed.js";
import type { StringTable } from "./strings.js";

export interface SymbolVersion {
  /** For example "GLIBC_2.34". */
  readonly name: string;
  /** The library that has to offer it, for a symbol from elsewhere. */
  readonly library: string | undefined;
  /** True for an old version that new links do not choose (`name@VERSION` instead of `name@@VERSION`). */
  readonly hidden: boolean;
}

/** Version index in `.gnu.version`: 0 is local, 1 is global without a version, the top bit is "hidden". */
const hiddenBit = 0x8000;

/** Tells the version of the dynamic symbol with an index; undefined for none. Throws UKL-206, UKL-208. */
export function readVersions(
  layout: ElfLayout,
  entries: readonly DynamicEntry[],
  symbolCount: number,
): (symbolIndex: number) => SymbolVersion | undefined {
  const address = dynamicValue(entries, DT.VERSYM);
  if (address === undefined) return () => undefined;
  const where = "the symbol version table";
  const bytes = bytesAtOwnAddress(layout, address, BigInt(symbolCount * 2), where);
  const indices = new Fields(bytes, layout.path, where);
  const named = readNames(layout, entries);
  // By the whole entry: a thousand symbols share a version.
  const known = new Map<number, SymbolVersion>();
  return (symbolIndex) => {
    const index = indices.u16(symbolIndex * 2);
    const version = named.get(index & ~hiddenBit);
    if (version === undefined) return undefined;
    const shared = known.get(index) ?? { ...version, hidden: (index & hiddenBit) !== 0 };
    known.set(index, shared);
    return shared;
  };
}

type NamedVersion = Omit<SymbolVersion, "hidden">;

export interface NeededVersion {
  readonly library: string;
  readonly version: string;
}

/** The versions that a file wants of others, used by a symbol or not. Throws UKL-206, UKL-208. */
export function readNeededVersions(
  layout: ElfLayout,
  entries: readonly DynamicEntry[],
): readonly NeededVersion[] {
  const needs = openTable(layout, entries, DT.VERNEED, "the version needs");
  if (needs === undefined) return [];
  const names = new Map<number, NamedVersion>();
  readNeeds(needs, countOf(entries, DT.VERNEEDNUM), readDynamicStrings(layout, entries), names);
  return [...names.values()].flatMap(({ name, library }) =>
    library === undefined ? [] : [{ library, version: name }],
  );
}

function readNames(layout: ElfLayout, entries: readonly DynamicEntry[]): ReadonlyMap<number, NamedVersion> {
  const names = new Map<number, NamedVersion>();
  const strings = readDynamicStrings(layout, entries);
  const definitions = openTable(layout, entries, DT.VERDEF, "the version definitions");
  if (definitions !== undefined) {
    readDefinitions(definitions, countOf(entries, DT.VERDEFNUM), strings, names);
  }
  const needs = openTable(layout, entries, DT.VERNEED, "the version needs");
  if (needs !== undefined) readNeeds(needs, countOf(entries, DT.VERNEEDNUM), strings, names);
  return names;
}

/** Elf64_Verdef: ndx at 4, aux at 12, next at 16; its first Elf64_Verdaux: name at 0. */
function readDefinitions(table: Fields, count: number, strings: StringTable, out: Map<number, NamedVersion>) {
  followChain(table, 0, count, 16, (at) => {
    const name = strings.at(table.u32(at + table.u32(at + 12)));
    out.set(table.u16(at + 4), { name, library: undefined });
  });
}

/**
 * Elf64_Verneed: cnt at 2, file at 4, aux at 8, next at 12; Elf64_Vernaux: other at 6, name at 8, next at 12.
 * There cannot be more of the latter than fit the table, unless they overlap to make the walk endless.
 */
function readNeeds(table: Fields, count: number, strings: StringTable, out: Map<number, NamedVersion>) {
  let recordsLeft = table.sizeBytes / 16;
  followChain(table, 0, count, 12, (at) => {
    const library = strings.at(table.u32(at + 4));
    followChain(table, at + table.u32(at + 8), table.u16(at + 2), 12, (auxiliary) => {
      if (--recordsLeft < 0) throw malformed("UKL-208", table.path, `${table.where} overlap`);
      const name = strings.at(table.u32(auxiliary + 8));
      out.set(table.u16(auxiliary + 6), { name, library });
    });
  });
}

/** Visits records that name the distance to the next one; it only grows, so the walk ends. */
function followChain(
  table: Fields,
  first: number,
  count: number,
  nextField: number,
  visit: (at: number) => void,
): void {
  let at = first;
  for (let index = 0; index < count; index++) {
    visit(at);
    const distance = table.u32(at + nextField);
    if (distance === 0) return;
    at += distance;
  }
}

function countOf(entries: readonly DynamicEntry[], tag: number): number {
  return Number(dynamicValue(entries, tag) ?? 0n);
}

function openTable(
  layout: ElfLayout,
  entries: readonly DynamicEntry[],
  tag: number,
  where: string,
): Fields | undefined {
  const address = dynamicValue(entries, tag);
  if (address === undefined) return undefined;
  const bytes = layout.bytesFrom(address);
  if (bytes !== undefined) return new Fields(bytes, layout.path, where);
  throw malformed("UKL-206", layout.path, `no PT_LOAD has ${where} at 0x${address.toString(16)}`);
}
