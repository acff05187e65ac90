// SPDX-License-Identifier: MIT
/** What is known of each loaded file before its code is looked at, in columns of numbers that src/inspect/tables.ts fills. */
import { allocate } from "./code";

/** The columns, which src/inspect/tables.ts has too. */
export namespace column {
  /** Of mapped bytes five numbers each: start, end, place of the bytes, how many they are, bits of `mapped`. */
  export const regions: i32 = 0;
  /** The sections with code; none for a file that does not tell. */
  export const sectionStarts: i32 = 1;
  export const sectionEnds: i32 = 2;
  export const functionStarts: i32 = 3;
  export const functionEnds: i32 = 4;
  export const calledOutside: i32 = 5;
  export const pointerPlaces: i32 = 6;
  export const pointerTargets: i32 = 7;
  /** The nodes that pointers lead to, where that is known (i32): else what kind of pointer it is. */
  export const pointees: i32 = 8;
  export const boundaries: i32 = 9;
  export const count: i32 = 10;
}

export namespace mapped {
  export const executable: i32 = 1;
  export const hasPointers: i32 = 2;
}

@unmanaged
export class Module {
  index: i32 = 0;
  /** Whether it is a program at fixed addresses, in [low, high). */
  isFixed: bool = false;
  low: f64 = 0;
  high: f64 = 0;

  /** Its columns are behind it: a place and a length each. */
  place(which: i32): usize {
    return load<u32>(this.entry(which));
  }

  length(which: i32): i32 {
    return load<i32>(this.entry(which), 4);
  }

  number(which: i32, index: i32): f64 {
    return load<f64>(this.place(which) + ((<usize>index) << 3));
  }

  /** Index of the first value at or above `value`; the length when there is none. */
  lowerBound(which: i32, value: f64): i32 {
    return this.bound(which, value, false);
  }

  /** Index of the first value above `value`; the length when there is none. */
  upperBound(which: i32, value: f64): i32 {
    return this.bound(which, value, true);
  }

  /** Index of the first value above `value`, or unless `above` at it. */
  @inline
  bound(which: i32, value: f64, above: bool): i32 {
    const numbers = this.place(which);
    let low = 0;
    let high = this.length(which);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const each = load<f64>(numbers + ((<usize>middle) << 3));
      if (above ? each <= value : each < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  entry(which: i32): usize {
    return changetype<usize>(this) + offsetof<Module>() + ((<usize>which) << 3);
  }
}

@unmanaged
export class Region {
  start: f64 = 0;
  end: f64 = 0;
  place: f64 = 0;
  sizeBytes: f64 = 0;
  bits: f64 = 0;

  get isExecutable(): bool {
    return (<i32>this.bits & mapped.executable) !== 0;
  }

  get hasPointers(): bool {
    return (<i32>this.bits & mapped.hasPointers) !== 0;
  }
}

export function addModule(index: i32, isFixed: bool, low: f64, high: f64): Module {
  const module = changetype<Module>(allocate(offsetof<Module>() + ((<usize>column.count) << 3)));
  module.index = index;
  module.isFixed = isFixed;
  module.low = low;
  module.high = high;
  return module;
}

export function setColumn(module: Module, which: i32, place: usize, length: i32): void {
  store<u32>(module.entry(which), <u32>place);
  store<i32>(module.entry(which), length, 4);
}

/** The mapped bytes with an address, or null. */
export function regionAt(module: Module, address: f64): Region | null {
  const first = module.place(column.regions);
  const end = first + <usize>module.length(column.regions) * offsetof<Region>();
  for (let place = first; place < end; place += offsetof<Region>()) {
    const region = changetype<Region>(place);
    if (address >= region.start && address < region.end) return region;
  }
  return null;
}

export function isCode(module: Module, address: f64): bool {
  const region = regionAt(module, address);
  return region !== null && region.isExecutable;
}

/** Index of the range of two columns that an address is in, or -1. */
export function rangeIndex(module: Module, starts: i32, address: f64): i32 {
  const index = module.upperBound(starts, address) - 1;
  return index >= 0 && address < module.number(starts + 1, index) ? index : -1;
}

/**
 * Whether what a pointer leads to can be code. A linker may put read-only data into the segment of the code, where each
 * text that is pointed to would be a function, up to where its bytes happen to return.
 */
export function mayBeCode(module: Module, address: f64): bool {
  return module.length(column.sectionStarts) === 0 || rangeIndex(module, column.sectionStarts, address) >= 0;
}

/** The start of the first function behind an address. */
export function nextStart(module: Module, address: f64): f64 {
  return min(nextOf(module, column.functionStarts, address), nextOf(module, column.calledOutside, address));
}

function nextOf(module: Module, which: i32, address: f64): f64 {
  const index = module.upperBound(which, address);
  return index < module.length(which) ? module.number(which, index) : Infinity;
}

/** The data object that an address is in: from the boundary at or before it to the next one. */
export function objectStart(module: Module, address: f64): f64 {
  const next = module.upperBound(column.boundaries, address);
  return next > 0 ? module.number(column.boundaries, next - 1) : address;
}

export function objectEnd(module: Module, address: f64): f64 {
  const next = module.upperBound(column.boundaries, address);
  return next < module.length(column.boundaries) ? module.number(column.boundaries, next) : address + 8;
}
