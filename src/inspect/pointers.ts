// SPDX-License-Identifier: MIT
/** Which words of a file are pointers, in columns of numbers: a large program has half a million. */
import { R_X86_64 } from "../elf/constants.js";
import type { ElfFile } from "../elf/file.js";
import type { MappedBytes } from "./module.js";

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
  const { length: symbolCount } = file.dynamicSymbols;
  for (const { offset, type, symbolIndex, addend } of file.dynamicRelocations) {
    const place = Number(offset);
    if (type === R_X86_64.RELATIVE) add(found, place, PointerKind.local, Number(addend));
    else if (type === R_X86_64.IRELATIVE) add(found, place, PointerKind.resolver, Number(addend));
    else if (symbolIndex === 0 || symbolIndex >= symbolCount) continue;
    else if (type === R_X86_64.GLOB_DAT || type === R_X86_64.JUMP_SLOT) {
      add(found, place, PointerKind.symbol, 0, symbolIndex);
    } else if (type === R_X86_64.ABS64) {
      add(found, place, PointerKind.symbol, Number(addend), symbolIndex);
    }
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
  for (const { start, bytes, executable } of regions) {
    if (executable) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = (8 - (start % 8)) % 8; at + 8 <= bytes.length; at += 8) {
      if (view.getUint32(at + 4, true) !== 0) continue;
      const target = view.getUint32(at, true);
      if (target < low || target >= high || relocated.has(start + at)) continue;
      add(found, start + at, PointerKind.local, target);
    }
  }
}

function sortByPlace({ places, kinds, targets, symbols }: Unsorted): Pointers {
  // Tables come sorted one behind the other, which the sort of an array makes use of.
  const order = [...places.keys()].sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  return {
    places: Float64Array.from(order, (index) => places[index] ?? 0),
    kinds: Int32Array.from(order, (index) => kinds[index] ?? 0),
    targets: Float64Array.from(order, (index) => targets[index] ?? 0),
    symbols: Uint32Array.from(order, (index) => symbols[index] ?? 0),
  };
}
