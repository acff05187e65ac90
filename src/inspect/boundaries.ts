// SPDX-License-Identifier: MIT
/** Where the data of a file can be divided into objects, which mostly no symbol tells. */
import { R_X86_64, SHT } from "../elf/constants.js";
import type { ElfFile } from "../elf/file.js";
import type { MappedBytes, Pointer } from "./module.js";

/** Relocations of slots that the linker makes, each an object by itself, and how large they are. */
const slotBytes: ReadonlyMap<number, number> = new Map([
  [R_X86_64.GLOB_DAT, 8],
  [R_X86_64.JUMP_SLOT, 8],
  [R_X86_64.TPOFF64, 8],
  [R_X86_64.DTPMOD64, 16],
  [R_X86_64.TLSDESC, 16],
]);

/**
 * Where data objects can begin: at symbols, at slots of the global offset table, at what pointers point to, and at
 * what code takes the address of.
 */
export function objectBoundaries(
  file: ElfFile,
  regions: readonly MappedBytes[],
  pointers: readonly Pointer[],
): Float64Array {
  const found = new Set<number>();
  for (const symbol of [...file.symbols, ...file.dynamicSymbols]) {
    if (symbol.type !== "object" || typeof symbol.section !== "number") continue;
    found.add(Number(symbol.value));
    found.add(Number(symbol.value) + symbol.size);
  }
  for (const pointer of pointers) if (pointer.kind === "local") found.add(pointer.target);
  for (const { type, offset } of file.dynamicRelocations) {
    const sizeBytes = slotBytes.get(type);
    if (sizeBytes !== undefined) found.add(Number(offset)).add(Number(offset) + sizeBytes);
  }
  const data = regions.filter(({ executable }) => !executable);
  for (const region of regions) {
    found.add(region.start);
    found.add(region.end);
    if (!region.executable) continue;
    const inData = between(data, found);
    addRelativeAddresses(region, inData);
    if (file.kind === "executable") addAbsoluteAddresses(region, inData);
  }
  for (const section of file.sections) {
    if (section.type !== SHT.NULL && section.addr !== 0n) found.add(Number(section.addr));
  }
  return Float64Array.from(found).sort();
}

/** Adds to `found` what is in the span of the regions. */
function between(regions: readonly MappedBytes[], found: Set<number>): (address: number) => void {
  const low = Math.min(...regions.map(({ start }) => start));
  const high = Math.max(...regions.map(({ end }) => end));
  return (address) => {
    if (address >= low && address < high) found.add(address);
  };
}

/**
 * Finds by their bytes the instructions that take an address: `lea disp(%rip), reg`. A chance match makes one object
 * into two.
 */
function addRelativeAddresses({ bytes, start }: MappedBytes, add: (address: number) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = bytes.indexOf(0x8d, 1); at >= 0 && at + 7 <= bytes.length; at = bytes.indexOf(0x8d, at + 1)) {
    const isWide = ((bytes[at - 1] as number) & 0xf8) === 0x48;
    if (isWide && ((bytes[at + 1] as number) & 0xc7) === 0x05)
      add(start + at + 6 + view.getInt32(at + 2, true));
  }
}

/** The same in programs at fixed addresses: `mov $imm, reg` and the table form `disp(,reg,8)`. */
function addAbsoluteAddresses({ bytes }: MappedBytes, add: (address: number) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 1; at + 7 <= bytes.length; at++) {
    const opcode = bytes[at] as number;
    if (opcode >= 0xb8 && opcode <= 0xbf) add(view.getUint32(at + 1, true));
    else if (((bytes[at + 1] as number) & 0xc7) === 0x04 && ((bytes[at + 2] as number) & 0x07) === 5)
      add(view.getUint32(at + 3, true));
  }
}
