// SPDX-License-Identifier: MIT
/**
 * One loaded file as the analysis sees it: where code is, where functions start, which words are pointers.
 * Addresses are plain numbers: user-half addresses fit a double exactly.
 */
import { PF, SHF } from "../elf/constants.js";
import type { ElfFile } from "../elf/file.js";
import { isFunction } from "../elf/symbol-table.js";
import { objectBoundaries } from "./boundaries.js";
import type { LoadedObject } from "./loaded-object.js";
import { type Pointers, readPointers } from "./pointers.js";
import { type ScannedCode, Scanner } from "./scanner.js";
import { lowerBound, orderOf, sortedAddresses, upperBound } from "./sorted.js";

/** Start addresses and ends of functions, sorted by start. */
export interface FunctionRanges {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
}

/** Bytes that are mapped at an address. */
export interface Region {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
  readonly executable: boolean;
  readonly writable: boolean;
  /** Whether a word of it is a pointer: of read-only data hardly any. */
  readonly hasPointers: boolean;
}

export type MappedBytes = Omit<Region, "hasPointers">;

export interface Module {
  readonly index: number;
  /** As messages call it. */
  readonly name: string;
  readonly file: ElfFile;
  /** Where an address is from, if that is not this file itself. */
  readonly placeOf?: LoadedObject["placeOf"];
  readonly regions: readonly Region[];
  readonly functions: FunctionRanges;
  /** What direct calls lead to outside of the known functions, sorted; now and then it is none. */
  readonly calledOutside: Float64Array;
  readonly pointers: Pointers;
  /** Addresses at which a data object can begin, sorted. */
  readonly boundaries: Float64Array;
  readonly scanner: Scanner;
  readonly code: readonly ScannedCode[];
  /** The sections with code; none for a file that does not tell. */
  readonly codeSections: FunctionRanges;
}

/** `frames` are the ranges that unwind tables or a language's own table give; symbols add to them. */
export function openModule(
  index: number,
  name: string,
  file: ElfFile,
  frames: FunctionRanges,
  scanner = new Scanner(),
): Module {
  const mapped = mappedRegions(file);
  const functions = functionRanges(file, frames);
  const pointers = readPointers(file, mapped);
  const code = placeCode(scanner, file, mapped);
  const regions = mapped.map((region) => ({
    ...region,
    hasPointers: lowerBound(pointers.places, region.start) < lowerBound(pointers.places, region.end),
  }));
  return {
    index,
    name,
    file,
    regions,
    functions,
    calledOutside: sortedAddresses(code.map((each) => scanner.calledOutside(each, functions))),
    pointers,
    boundaries: objectBoundaries({ file, regions, pointers, scanner, code }),
    scanner,
    code,
    codeSections: codeSections(file),
  };
}

function mappedRegions(file: ElfFile): readonly MappedBytes[] {
  return file.loads.map((segment) => ({
    start: Number(segment.vaddr),
    end: Number(segment.vaddr) + segment.memsz,
    bytes: withoutBuffer(file.segmentBytes(segment)),
    executable: (segment.flags & PF.X) !== 0,
    writable: (segment.flags & PF.W) !== 0,
  }));
}

/** Node's Buffer does in JavaScript what Uint8Array does by itself: to look for a byte, ten times slower. */
function withoutBuffer({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

/** The mapped region with an address. */
export function regionAt(module: Module, address: number): Region | undefined {
  for (const region of module.regions) if (address >= region.start && address < region.end) return region;
  return undefined;
}

export function isCode(module: Module, address: number): boolean {
  return regionAt(module, address)?.executable === true;
}

function codeSections(file: ElfFile): FunctionRanges {
  const sections = file.sections
    .filter(({ flags }) => (flags & SHF.EXECINSTR) !== 0)
    .map(({ addr, size }) => ({ start: Number(addr), end: Number(addr) + size }))
    .sort((left, right) => left.start - right.start);
  return {
    starts: Float64Array.from(sections, ({ start }) => start),
    ends: Float64Array.from(sections, ({ end }) => end),
  };
}

/** Joins the ranges of unwind tables with function symbols outside of them. */
function functionRanges(file: ElfFile, frames: FunctionRanges): FunctionRanges {
  const symbols = sizedFunctions(file);
  const most = frames.starts.length + symbols.starts.length;
  const starts = new Float64Array(most);
  const ends = new Float64Array(most);
  let count = 0;
  let frame = 0;
  const addFrames = (limit: number) => {
    while (frame < frames.starts.length && (frames.starts[frame] as number) <= limit) {
      starts[count] = frames.starts[frame] as number;
      ends[count++] = frames.ends[frame++] as number;
    }
  };
  for (const index of orderOf(symbols.starts)) {
    const start = symbols.starts[index] as number;
    addFrames(start);
    if (count > 0 && starts[count - 1] === start) continue;
    starts[count] = start;
    ends[count++] = symbols.ends[index] as number;
  }
  addFrames(Number.POSITIVE_INFINITY);
  return { starts: starts.slice(0, count), ends: ends.slice(0, count) };
}

function sizedFunctions(file: ElfFile): FunctionRanges {
  const starts: number[] = [];
  const ends: number[] = [];
  for (const table of [file.symbolTable, file.dynamicSymbolTable]) {
    for (let symbol = 0; symbol < table.count; symbol++) {
      const size = table.sizes[symbol] as number;
      if (size === 0 || !isFunction(table, symbol)) continue;
      const start = table.values[symbol] as number;
      starts.push(start);
      ends.push(start + size);
    }
  }
  return { starts: Float64Array.from(starts), ends: Float64Array.from(ends) };
}

/** What a scanner is given of a file: the code, and for a program at fixed addresses in which range these are. */
function placeCode(scanner: Scanner, file: ElfFile, regions: readonly MappedBytes[]): readonly ScannedCode[] {
  const isFixed = file.kind === "executable" && regions.length > 0;
  const low = isFixed ? Math.min(...regions.map(({ start }) => start)) : 0;
  const high = isFixed ? Math.max(...regions.map(({ end }) => end)) : 0;
  return regions
    .filter(({ executable }) => executable)
    .map(({ start, end, bytes }) => {
      return { place: scanner.place(bytes), sizeBytes: bytes.length, start, end, low, high };
    });
}

/** The first pointer in [start, end), by its index, and the one behind the last. */
export function pointersBetween(
  { pointers: { places } }: Module,
  start: number,
  end: number,
): { readonly first: number; readonly behind: number } {
  return { first: lowerBound(places, start), behind: lowerBound(places, end) };
}

/** The known function that an address is in, or undefined. */
export function rangeAt({ functions }: Module, address: number): AddressRange | undefined {
  return rangeOf(functions, address);
}

/** `end` is the first address behind. */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

function rangeOf({ starts, ends }: FunctionRanges, address: number): AddressRange | undefined {
  const index = upperBound(starts, address) - 1;
  const start = starts[index];
  const end = ends[index];
  if (start === undefined || end === undefined || address >= end) return undefined;
  return { start, end };
}
