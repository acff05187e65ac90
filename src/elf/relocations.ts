// SPDX-License-Identifier: MIT
/**
 * Relocations of sections, for a linker; ./dynamic-relocations.ts has those for a loader. x86-64 uses RELA records only
 * (psABI section 4.4); REL is refused.
 */
import { recordSizeBytes, SHT } from "./constants.js";
import { Fields } from "./fields.js";
import { type ElfLayout, sectionAt } from "./layout.js";
import { once } from "./lazy.js";
import { malformed } from "./malformed.js";
import { type Section, sectionBytes } from "./sections.js";
import { checkTableSize } from "./symbol-table.js";

export interface Relocation {
  /** The place to change: an offset in the target section of a relocatable file, else an address. */
  readonly offset: bigint;
  /** R_X86_64_*. */
  readonly type: number;
  /** Index in the symbol table the table refers to; 0 for none. */
  readonly symbolIndex: number;
  readonly addend: bigint;
}

export interface RelocationTable {
  /** The SHT_RELA section itself. */
  readonly section: Section;
  /** The section the places are in; undefined outside relocatable files, where places are addresses. */
  readonly target: Section | undefined;
  /** The symbol table section; undefined when no record has a symbol. */
  readonly symbolTable: Section | undefined;
  /** Read at first use. Throws UKL-208. */
  readonly entries: readonly Relocation[];
}

/** The relocation sections, in the order of the file. Throws UKL-208. */
export function readRelocationTables(layout: ElfLayout): readonly RelocationTable[] {
  const tables: RelocationTable[] = [];
  for (const section of layout.sections) {
    if (section.type === SHT.REL) throw relRefused(layout, `section ${section.name || section.index}`);
    if (section.type === SHT.RELA) tables.push(openTable(layout, section));
  }
  return tables;
}

function openTable(layout: ElfLayout, section: Section): RelocationTable {
  const where = `section ${section.name || section.index}`;
  checkTableSize(layout, section, recordSizeBytes.rela);
  const symbolTable = section.link === 0 ? undefined : sectionAt(layout, section.link, where);
  if (symbolTable !== undefined) checkTableSize(layout, symbolTable, recordSizeBytes.symbol);
  const target = layout.kind === "relocatable" ? sectionAt(layout, section.info, where) : undefined;
  const entries = once(() => {
    const symbolCount = (symbolTable?.size ?? 0) / recordSizeBytes.symbol;
    const fields = new Fields(sectionBytes(layout.bytes, section), layout.path, where);
    return readRela(fields, Math.max(symbolCount, 1));
  });
  return {
    section,
    target,
    symbolTable,
    get entries() {
      return entries();
    },
  };
}

/** Elf64_Rela: offset at 0, type at 8, symbol at 12, addend at 16. */
function readRela(fields: Fields, symbolCount: number): readonly Relocation[] {
  const relocations: Relocation[] = [];
  for (let at = 0; at < fields.sizeBytes; at += recordSizeBytes.rela) {
    const symbolIndex = fields.u32(at + 12);
    if (symbolIndex >= symbolCount) throw noSuchSymbol(fields, symbolIndex, symbolCount);
    const [offset, type, addend] = [fields.u64(at), fields.u32(at + 8), fields.i64(at + 16)];
    relocations.push({ offset, type, symbolIndex, addend });
  }
  return relocations;
}

export function relRefused(layout: ElfLayout, where: string) {
  return malformed("UKL-208", layout.path, `${where} has REL relocations; x86-64 has only RELA`);
}

export function noSuchSymbol({ path, where }: Fields, symbolIndex: number, symbolCount: number) {
  return malformed(
    "UKL-208",
    path,
    `a record of ${where} is about symbol ${symbolIndex}, but there are ${symbolCount}`,
  );
}
