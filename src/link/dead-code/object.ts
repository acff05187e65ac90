// SPDX-License-Identifier: MIT
/** The kernel object with what this stage asks of it. */
import { type ObjectColumns, readColumns } from "../../elf/columns.js";
import { SHT } from "../../elf/constants.js";
import { type SectionKind, sectionKind } from "./section-kinds.js";

export interface KernelObject extends ObjectColumns {
  /** By section. */
  readonly kinds: readonly SectionKind[];
}

/** Throws UKL-202 to UKL-208 and UKL-210. */
export function readKernelObject(bytes: Uint8Array, path: string): KernelObject {
  const columns = readColumns(bytes, path);
  const { count, flags, type, nameOf, bytesOf } = columns.sections;
  const kinds: SectionKind[] = [];
  for (let section = 0; section < count; section++) {
    // Names of relocation tables and the like need not be known.
    kinds.push(sectionKind(flags[section] ?? 0, () => nameOf(section)));
  }
  // The members of a group come and go together; a kernel has none.
  type.forEach((of, section) => {
    if (of !== SHT.GROUP) return;
    const members = Buffer.from(bytesOf(section));
    for (let at = 4; at + 4 <= members.length; at += 4) kinds[members.readUInt32LE(at)] = "root";
  });
  return { ...columns, kinds };
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
