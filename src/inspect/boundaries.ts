// SPDX-License-Identifier: MIT
/** Where the data of a file can be divided into objects, which mostly no symbol tells. */
import { R_X86_64, SHT, STT } from "../elf/constants.js";
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
  for (const { count, types, sections, values, sizes } of [file.symbolTable, file.dynamicSymbolTable]) {
    for (let symbol = 0; symbol < count; symbol++) {
      if (types[symbol] !== STT.OBJECT || (sections[symbol] as number) < 0) continue;
      const start = values[symbol] as number;
      found.push(start, start + (sizes[symbol] as number));
    }
  }
  const { kinds, targets } = pointers;
  for (let index = 0; index < kinds.length; index++) {
    if (kinds[index] === PointerKind.local) found.push(targets[index] as number);
  }
  const { count, types, offsets } = file.dynamicRelocations;
  for (let index = 0; index < count; index++) {
    const sizeBytes = slotBytes.get(types[index] as number);
    const offset = offsets[index] as number;
    if (sizeBytes !== undefined) found.push(offset, offset + sizeBytes);
  }
  for (const region of regions) found.push(region.start, region.end);
  for (const section of file.sections) {
    if (section.type !== SHT.NULL && section.addr !== 0n) found.push(Number(section.addr));
  }
  const data = regions.filter(({ executable, writable }) => !executable || writable);
  const low = Math.min(...data.map(({ start }) => start));
  const high = Math.max(...data.map(({ end }) => end));
  const taken = code.flatMap((each) => scanner.takenAddresses(each, low, high));
  return sortedAddresses([Float64Array.from(found), ...taken]);
}
