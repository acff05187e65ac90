// SPDX-License-Identifier: MIT
/** Which words of a file are pointers, in columns of numbers: a large program has half a million. */
import { R_X86_64 } from "../elf/constants.js";
import type { ElfFile } from "../elf/file.js";
import type { MappedBytes } from "./module.js";
import { orderOf } from "./sorted.js";

/** What the loader puts into a word: an address of this file, what a function at one answers, or a symbol's. */
export const PointerKind = { symbol: -1, local: -2, resolver: -3 } as const;

/** Sorted by place. */
export interface Pointers {
  readonly places: Float64Array;
  /** Of `PointerKind`. */
  readonly kinds: Int32Array;
  /** The address, or what is added to the symbol's. */
  readonly targets: Float64Array;
  /** Index of the dynamic symbol; 0 for none. */
  readonly symbols: Uint32Array;
}

/** The columns while they grow. */
interface Unsorted {
  readonly places: number[];
  readonly kinds: number[];
  readonly targets: number[];
  readonly symbols: number[];
}

export function readPointers(file: ElfFile, regions: readonly MappedBytes[]): Pointers {
  const found: Unsorted = { places: [], kinds: [], targets: [], symbols: [] };
  addRelocated(file, found);
  addStaticResolvers(file, found);
  const isFixed = file.kind === "executable" && !found.kinds.includes(PointerKind.local);
  if (isFixed) addScanned(regions, found);
  return sortByPlace(found);
}

function add(found: Unsorted, place: number, kind: number, target: number, symbol = 0): void {
  found.places.push(place);
  found.kinds.push(kind);
  found.targets.push(target);
  found.symbols.push(symbol);
}

function addRelocated(file: ElfFile, found: Unsorted): void {
  const { count: symbolCount } = file.dynamicSymbolTable;
  const { count, offsets, types, symbols, addends } = file.dynamicRelocations;
  for (let index = 0; index < count; index++) {
    const place = offsets[index] as number;
    const type = types[index];
    const addend = addends[index] as number;
    const symbol = symbols[index] as number;
    if (type === R_X86_64.RELATIVE) add(found, place, PointerKind.local, addend);
    else if (type === R_X86_64.IRELATIVE) add(found, place, PointerKind.resolver, addend);
    else if (symbol === 0 || symbol >= symbolCount) continue;
    else if (type === R_X86_64.GLOB_DAT || type === R_X86_64.JUMP_SLOT) {
      add(found, place, PointerKind.symbol, 0, symbol);
    } else if (type === R_X86_64.ABS64) add(found, place, PointerKind.symbol, addend, symbol);
  }
}

/** A static program applies the IRELATIVE relocations of `.rela.plt` itself. */
function addStaticResolvers(file: ElfFile, found: Unsorted): void {
  if (file.dynamic !== undefined) return;
  for (const { entries } of file.relocations) {
    for (const { type, offset, addend } of entries) {
      if (type === R_X86_64.IRELATIVE) add(found, Number(offset), PointerKind.resolver, Number(addend));
    }
  }
}

/**
 * A program at fixed addresses has no relocations for its pointers: every aligned word of its data that is an
 * address of its own counts as one.
 */
function addScanned(regions: readonly MappedBytes[], found: Unsorted): void {
  const low = Math.min(...regions.map(({ start }) => start));
  const high = Math.max(...regions.map(({ end }) => end));
  const relocated = new Set(found.places);
  for (const { start, bytes, executable, writable } of regions) {
    // What is both has data between its code.
    if (executable && !writable) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = (8 - (start % 8)) % 8; at + 8 <= bytes.length; at += 8) {
      if (view.getUint32(at + 4, true) !== 0) continue;
      const target = view.getUint32(at, true);
      if (target < low || target >= high || relocated.has(start + at)) continue;
      add(found, start + at, PointerKind.local, target);
    }
  }
}

function sortByPlace(found: Unsorted): Pointers {
  const places = Float64Array.from(found.places);
  const order = orderOf(places);
  const count = order.length;
  const sorted: Pointers = {
    places,
    kinds: new Int32Array(count),
    targets: new Float64Array(count),
    symbols: new Uint32Array(count),
  };
  for (let index = 0; index < count; index++) {
    const from = order[index] as number;
    places[index] = found.places[from] as number;
    sorted.kinds[index] = found.kinds[from] as number;
    sorted.targets[index] = found.targets[from] as number;
    sorted.symbols[index] = found.symbols[from] as number;
  }
  return sorted;
}
