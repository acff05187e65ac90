// SPDX-License-Identifier: MIT
/** Where the data of a file can be divided into objects, which mostly no symbol tells. */
import { R_X86_64, SHT } from "../elf/constants.js";
import type { ElfFile } from "../elf/file.js";
import type { MappedBytes } from "./module.js";
import { PointerKind, type Pointers } from "./pointers.js";
import type { ScannedCode, Scanner } from "./scanner.js";
import { sortedAddresses } from "./sorted.js";

/** Relocations of slots that the linker makes, each an object by itself, and how large they are. */
const slotBytes: ReadonlyMap<number, number> = new Map([
  [R_X86_64.GLOB_DAT, 8],
  [R_X86_64.JUMP_SLOT, 8],
  [R_X86_64.TPOFF64, 8],
  [R_X86_64.DTPMOD64, 16],
  [R_X86_64.TLSDESC, 16],
]);

/** What is known of a file when its data is divided. */
interface Opened {
  readonly file: ElfFile;
  readonly regions: readonly MappedBytes[];
  readonly pointers: Pointers;
  readonly scanner: Scanner;
  readonly code: readonly ScannedCode[];
}

/**
 * Where data objects can begin: at symbols, at slots of the global offset table, at what pointers point to, and at
 * what code takes the address of. A chance match of bytes makes one object into two.
 */
export function objectBoundaries({ file, regions, pointers, scanner, code }: Opened): Float64Array {
  const found: number[] = [];
  for (const symbols of [file.symbols, file.dynamicSymbols]) {
    for (const symbol of symbols) {
      if (symbol.type !== "object" || typeof symbol.section !== "number") continue;
      const start = Number(symbol.value);
      found.push(start, start + symbol.size);
    }
  }
  pointers.kinds.forEach((kind, index) => {
    if (kind === PointerKind.local) found.push(pointers.targets[index] as number);
  });
  for (const { type, offset } of file.dynamicRelocations) {
    const sizeBytes = slotBytes.get(type);
    if (sizeBytes !== undefined) found.push(Number(offset), Number(offset) + sizeBytes);
  }
  for (const region of regions) found.push(region.start, region.end);
  for (const section of file.sections) {
    if (section.type !== SHT.NULL && section.addr !== 0n) found.push(Number(section.addr));
  }
  const data = regions.filter(({ executable }) => !executable);
  const low = Math.min(...data.map(({ start }) => start));
  const high = Math.max(...data.map(({ end }) => end));
  const taken = code.flatMap((each) => scanner.takenAddresses(each, low, high));
  return sortedAddresses([Float64Array.from(found), ...taken]);
}
