// SPDX-License-Identifier: MIT
/**
 * The code that is looked at, and what is told of it. Both are in the memory that is shared with who asks, one behind the
 * other as they come: nothing is given back before the whole.
 */

/** Behind code there are zeros, so that an instruction at its end can be read before its length is known. */
const paddingBytes: usize = 64;
/** Address (f64), distance from the start of the function (u32), kind (u8), bytes that are read or written (u8). */
const recordBytes: usize = 16;
const pageBytes: usize = 65536;
/** Of 4 GiB, less one so that the end of the memory is a number. */
const mostPages = 65535;

export namespace code {
  /** Where it is in memory, up to `end`. */
  export let place: usize = 0;
  export let end: usize = 0;
  /** The address it is mapped at. */
  export let start: f64 = 0;
  /** Programs at fixed addresses mention addresses as plain numbers: those in [low, high). */
  export let isFixed: bool = false;
  export let low: f64 = 0;
  export let high: f64 = 0;
}

/** Two words: where the next record comes, and what else there is to tell. */
export const answer = heap.alloc(8);

/** Always a multiple of 16. It begins behind what the tables of the decoder take. */
let next: usize = 0;
let room: usize = 0;

/** A place for bytes to look at. */
export function reserve(bytes: usize): usize {
  begin();
  const place = next;
  const all = (bytes + paddingBytes + 15) & ~15;
  makeRoom(all);
  memory.fill(place + bytes, 0, all - bytes);
  next += all;
  tell(0);
  return place;
}

function begin(): void {
  if (next !== 0) return;
  next = heap.alloc(0);
  room = <usize>memory.size() * pageBytes;
}

/** A place for what is kept, with zeros in it. */
export function allocate(bytes: usize): usize {
  begin();
  const place = next;
  const all = (bytes + 15) & ~15;
  makeRoom(all);
  memory.fill(place, 0, all);
  next += all;
  return place;
}

/** A longer place for what is at `old`, which is lost. */
export function enlarge(old: usize, oldBytes: usize, bytes: usize): usize {
  const place = allocate(bytes);
  memory.copy(place, old, oldBytes);
  return place;
}

/** Where the next record comes, counted in records. */
export function nextRecord(): u32 {
  return <u32>(next / recordBytes);
}

/** What is looked at from now on. Only for a program at fixed addresses there are some in [low, high). */
export function open(place: usize, bytes: usize, start: f64, low: f64, high: f64): void {
  code.place = place;
  code.end = place + bytes;
  code.start = start;
  code.isFixed = high > low;
  code.low = low;
  code.high = high;
}

export namespace record {
  export function address(index: u32): f64 {
    return load<f64>(<usize>index * recordBytes);
  }

  export function distance(index: u32): u32 {
    return load<u32>(<usize>index * recordBytes + 8);
  }

  export function kind(index: u32): i32 {
    return load<u8>(<usize>index * recordBytes + 12);
  }

  export function sizeBytes(index: u32): i32 {
    return load<u8>(<usize>index * recordBytes + 13);
  }
}

export function addRecord(address: f64, at: u32, kind: i32, sizeBytes: i32): void {
  makeRoom(recordBytes);
  store<f64>(next, address);
  store<u32>(next + 8, at);
  store<u8>(next + 12, <u8>kind);
  store<u8>(next + 13, <u8>sizeBytes);
  next += recordBytes;
}

export function tell(what: u32): void {
  store<u32>(answer, <u32>next);
  store<u32>(answer + 4, what);
}

/** Writes down an address that is not kept: the next answer takes its place. */
export function addAddress(index: usize, address: f64): void {
  makeRoom((index + 1) * sizeof<f64>());
  store<f64>(next + index * sizeof<f64>(), address);
}

/** The same for the id of a node. */
export function addId(index: usize, id: u32): void {
  makeRoom((index + 1) * sizeof<u32>());
  store<u32>(next + index * sizeof<u32>(), id);
}

/** The same for a mention (mentions.ts), which is as large as a record. */
export function addMention(index: usize, address: f64, id: u32, facts: u32): void {
  makeRoom((index + 1) * recordBytes);
  const place = next + index * recordBytes;
  store<f64>(place, address);
  store<u32>(place + 8, id);
  store<u32>(place + 12, facts);
}

/** Grows by an eighth, so that what is copied stays little. */
function makeRoom(bytes: usize): void {
  if (next + bytes <= room) return;
  const pages = memory.size();
  const more = <i32>((next + bytes - room) / pageBytes) + 1;
  if (memory.grow(max(more, min(pages >> 3, mostPages - pages))) < 0) unreachable();
  room = <usize>memory.size() * pageBytes;
}
