// SPDX-License-Identifier: MIT
/**
 * What memory holds once the PT_LOADs of a file are mapped, as Linux maps them (`elf_load` in fs/binfmt_elf.c): by whole
 * pages, in the order of the file, and a later one takes the place of an earlier one.
 */
import { PF, PT } from "./constants.js";
import type { Segment } from "./segments.js";

const pageBytes = 4096n;

/** As many headers as Linux reads: a page of them. */
const mostLoads = 73;

/** Memory of a program that has zeros only can be larger than any file; what is read of it at once is not. */
const mostZeroBytes = 1 << 20;

/**
 * What is mapped, by rising address and without overlaps. Where no two segments share a page, these are the segments
 * themselves. Where they do, and where the program begins in what only the rest of a page brings along, these are
 * parts of segments, in whole pages.
 */
export function mappedLoads(
  segments: readonly Segment[],
  fileBytes: number,
  entry: bigint,
): readonly Segment[] {
  const loads = segments
    .filter(({ type, memsz }) => type === PT.LOAD && memsz > 0)
    .map((load) => insideFile(load, fileBytes));
  const sorted = loads.toSorted(byAddress);
  const areApart = sorted.every((load, index) => {
    const next = sorted[index + 1];
    return next === undefined || pageEnd(memoryEnd(load)) <= pageStart(next.vaddr);
  });
  const begins = (load: Segment) => entry >= load.vaddr && entry < load.vaddr + BigInt(load.filesz);
  if ((areApart && (entry === 0n || sorted.some(begins))) || loads.length > mostLoads) return sorted;
  let mapped: readonly Segment[] = [];
  for (const load of loads) {
    for (const part of mappingsOf(load, fileBytes))
      mapped = [...mapped.flatMap((old) => without(old, part)), part];
  }
  return mapped.toSorted(byAddress);
}

/** Reads memory by address. Whatever is asked, no more than twice the file is copied. */
export interface MappedMemory {
  /**
   * The bytes from an address to where the file's part of memory ends, not copied unless segments that meet in memory
   * are apart in the file. Undefined when the file has none for the address.
   */
  bytesFrom(vaddr: bigint): Uint8Array | undefined;
  /** `sizeBytes` of these; undefined where there are fewer. */
  bytesAt(vaddr: bigint, sizeBytes: number): Uint8Array | undefined;
  /** `sizeBytes` at an address as the program finds them: zeros behind the file's part of a segment count. */
  memoryAt(vaddr: bigint, sizeBytes: number): Uint8Array | undefined;
}

/** `loads` comes from `mappedLoads`. */
export function openMemory(bytes: Uint8Array, loads: readonly Segment[]): MappedMemory {
  /** What begins with a segment and goes on in others. */
  const runs = new Map<number, Uint8Array>();
  const bytesFrom = (vaddr: bigint) => {
    const index = lastLoadFrom(loads, vaddr);
    const load = loads[index];
    if (load === undefined || vaddr - load.vaddr >= load.filesz) return undefined;
    const skipped = Number(vaddr - load.vaddr);
    if (!meets(load, loads[index + 1]))
      return bytes.subarray(load.offset + skipped, load.offset + load.filesz);
    const run = runs.get(index) ?? readRun(bytes, loads, index);
    runs.clear();
    runs.set(index, run);
    return run.subarray(skipped);
  };
  const bytesAt = (vaddr: bigint, sizeBytes: number) => {
    const available = bytesFrom(vaddr);
    return available && sizeBytes >= 0 && sizeBytes <= available.length
      ? available.subarray(0, sizeBytes)
      : undefined;
  };
  const memoryAt = (vaddr: bigint, sizeBytes: number) => {
    const isAbsurd = sizeBytes < 0 || sizeBytes > bytes.length + mostZeroBytes;
    return isAbsurd ? undefined : (bytesAt(vaddr, sizeBytes) ?? copyMemory(bytes, loads, vaddr, sizeBytes));
  };
  return { bytesFrom, bytesAt, memoryAt };
}

/** Whether the file's part of memory goes on in the next segment. */
function meets(load: Segment, next: Segment | undefined): next is Segment {
  return (
    next !== undefined && load.filesz === load.memsz && memoryEnd(load) === next.vaddr && next.filesz > 0
  );
}

function readRun(bytes: Uint8Array, loads: readonly Segment[], first: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for (let index = first; sizeBytes <= bytes.length; index++) {
    const load = loads[index] as Segment;
    const part = bytes.subarray(load.offset, load.offset + load.filesz);
    parts.push(part);
    sizeBytes += part.length;
    if (!meets(load, loads[index + 1])) break;
  }
  return joined(parts);
}

function copyMemory(
  bytes: Uint8Array,
  loads: readonly Segment[],
  vaddr: bigint,
  sizeBytes: number,
): Uint8Array | undefined {
  const memory = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; ) {
    const address = vaddr + BigInt(at);
    const load = loads[lastLoadFrom(loads, address)];
    if (load === undefined || address >= memoryEnd(load)) return undefined;
    const from = Number(address - load.vaddr);
    const end = Math.min(load.filesz, from + sizeBytes - at);
    if (from < end) memory.set(bytes.subarray(load.offset + from, load.offset + end), at);
    at += load.memsz - from;
  }
  return memory;
}

function byAddress(left: Segment, right: Segment): number {
  return left.vaddr < right.vaddr ? -1 : left.vaddr > right.vaddr ? 1 : 0;
}

/** Parts of a segment that are behind the end of the file are mapped, and whoever touches them gets a SIGBUS. */
function insideFile(load: Segment, fileBytes: number): Segment {
  const available = Math.max(0, Math.min(load.filesz, load.memsz, fileBytes - load.offset));
  return available === load.filesz ? load : { ...load, filesz: available };
}

/** In whole pages, what one PT_LOAD maps: a part of the file, and what is zero behind it. */
function mappingsOf(load: Segment, fileBytes: number): readonly Segment[] {
  const before = Number(load.vaddr - pageStart(load.vaddr));
  const start = load.vaddr - BigInt(before);
  const end = pageEnd(memoryEnd(load));
  const offset = load.offset - before;
  const memsz = Number(end - start);
  const whole = { ...load, vaddr: start, paddr: load.paddr - BigInt(before), memsz };
  if (load.filesz === 0 || offset < 0) return [{ ...whole, offset: 0, filesz: 0 }];
  const filesEnd = load.vaddr + BigInt(load.filesz);
  const isCleared = load.memsz > load.filesz && (load.flags & PF.W) !== 0;
  const filesz = isCleared ? before + load.filesz : Number(pageEnd(filesEnd) - start);
  return [insideFile({ ...whole, offset, filesz }, fileBytes)];
}

/** What of a mapping is left when another one takes its place. */
function without(old: Segment, taken: Segment): readonly Segment[] {
  const [start, end] = [taken.vaddr, memoryEnd(taken)];
  if (memoryEnd(old) <= start || old.vaddr >= end) return [old];
  const left = old.vaddr < start ? [part(old, old.vaddr, start)] : [];
  const right = memoryEnd(old) > end ? [part(old, end, memoryEnd(old))] : [];
  return [...left, ...right];
}

function part(load: Segment, start: bigint, end: bigint): Segment {
  const skipped = Number(start - load.vaddr);
  const memsz = Number(end - start);
  const filesz = Math.max(0, Math.min(load.filesz - skipped, memsz));
  const offset = filesz === 0 ? 0 : load.offset + skipped;
  return { ...load, vaddr: start, paddr: load.paddr + BigInt(skipped), offset, filesz, memsz };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first, last] = [parts[0] as Uint8Array, parts.at(-1) as Uint8Array];
  const followInFile = parts.every((each, index) => {
    const next = parts[index + 1];
    return next === undefined || each.byteOffset + each.length === next.byteOffset;
  });
  if (!followInFile) return Buffer.concat(parts);
  return new Uint8Array(first.buffer, first.byteOffset, last.byteOffset + last.length - first.byteOffset);
}

/** Index of the load with the highest start at or below `vaddr`; -1 for none. */
function lastLoadFrom(loads: readonly Segment[], vaddr: bigint): number {
  let low = 0;
  let high = loads.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const start = loads[middle]?.vaddr;
    if (start !== undefined && start <= vaddr) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function memoryEnd({ vaddr, memsz }: Segment): bigint {
  return vaddr + BigInt(memsz);
}

function pageStart(address: bigint): bigint {
  return address - (address % pageBytes);
}

function pageEnd(address: bigint): bigint {
  return pageStart(address + pageBytes - 1n);
}
