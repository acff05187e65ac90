// SPDX-License-Identifier: MIT
/** The kernel object with what this stage asks of it. */
import {
  type RelocationColumns,
  readRelocationColumns,
  readSymbolColumns,
  type SymbolColumns,
} from "../../elf/columns.js";
import { SHT } from "../../elf/constants.js";
import type { ElfFile } from "../../elf/file.js";
import { type SectionKind, sectionKind } from "./section-kinds.js";

export interface KernelObject {
  readonly file: ElfFile;
  readonly symbols: SymbolColumns;
  readonly relocations: RelocationColumns;
  /** By section. */
  readonly kinds: readonly SectionKind[];
}

export function readKernelObject(file: ElfFile): KernelObject {
  const symbols = readSymbolColumns(file);
  const relocations = readRelocationColumns(file, symbols.count);
  const kinds = file.sections.map(sectionKind);
  // The members of a group come and go together; a kernel has none.
  for (const { type, offset, size } of file.sections) {
    if (type !== SHT.GROUP) continue;
    const members = Buffer.from(file.bytes.buffer, file.bytes.byteOffset + offset, size);
    for (let at = 4; at + 4 <= size; at += 4) kinds[members.readUInt32LE(at)] = "root";
  }
  return { file, symbols, relocations, kinds };
}

/** Relocations of one section: from the first to before the last. */
export function relocationRange({ relocations }: KernelObject, section: number): readonly [number, number] {
  return [relocations.first[section] ?? 0, relocations.first[section + 1] ?? 0];
}

/** The section that a relocation names; 0 or less for none of this object. */
export function targetSection({ relocations, symbols }: KernelObject, relocation: number): number {
  return symbols.section[relocations.symbol[relocation] ?? 0] ?? 0;
}

/** The offset in its section that a relocation names; right where data says "that place minus this one". */
export function targetOffset({ relocations, symbols }: KernelObject, relocation: number): number {
  const symbol = relocations.symbol[relocation] ?? 0;
  return (symbols.value[symbol] ?? 0) + (relocations.addend[relocation] ?? 0);
}
