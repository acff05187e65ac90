// SPDX-License-Identifier: MIT
/**
 * Relocations: those of sections (for a linker) and those of the dynamic section (for a loader).
 *
 * x86-64 uses RELA records only (psABI section 4.4); REL is refused. RELR (gABI, "SHT_RELR") is the packed
 * form of R_X86_64.RELATIVE, whose addend is in the place itself; it is unpacked.
 */
import { DT, R_X86_64, recordSizeBytes, SHT } from "./constants.js";
import { type Dynamic, type DynamicEntry, dynamicValue } from "./dynamic.js";
import { Fields } from "./fields.js";
import { bytesAtOwnAddress, type ElfLayout, sectionAt } from "./layout.js";
import { once } from "./lazy.js";
import { malformed } from "./malformed.js";
import { type Section, sectionBytes } from "./sections.js";
import { checkTableSize } from "./symbols.js";

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

/** What the loader applies: DT_RELR, DT_RELA, then DT_JMPREL. Throws UKL-206, UKL-208. */
export function readDynamicRelocations(
  layout: ElfLayout,
  dynamic: Dynamic | undefined,
): readonly Relocation[] {
  const entries = dynamic?.entries ?? [];
  const pltKind = dynamicValue(entries, DT.PLTREL);
  if (dynamicValue(entries, DT.REL) !== undefined || (pltKind !== undefined && pltKind !== BigInt(DT.RELA))) {
    throw relRefused(layout, "the dynamic section");
  }
  return [
    ...readRelr(layout, entries),
    ...readRelaAt(layout, entries, DT.RELA, DT.RELASZ, "the relocation table (DT_RELA)"),
    ...readRelaAt(layout, entries, DT.JMPREL, DT.PLTRELSZ, "the PLT relocation table (DT_JMPREL)"),
  ];
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
    if (symbolIndex >= symbolCount) {
      throw malformed(
        "UKL-208",
        fields.path,
        `a record of ${fields.where} is about symbol ${symbolIndex}, but there are ${symbolCount}`,
      );
    }
    const [offset, type, addend] = [fields.u64(at), fields.u32(at + 8), fields.i64(at + 16)];
    relocations.push({ offset, type, symbolIndex, addend });
  }
  return relocations;
}

function readRelaAt(
  layout: ElfLayout,
  entries: readonly DynamicEntry[],
  addressTag: number,
  sizeTag: number,
  where: string,
): readonly Relocation[] {
  const fields = openDynamicTable(layout, entries, addressTag, sizeTag, where, recordSizeBytes.rela);
  if (fields === undefined) return [];
  // Without section headers the length of the symbol table is what the relocations use of it.
  const symbolTable = layout.sections.find(({ type }) => type === SHT.DYNSYM);
  const symbolCount = symbolTable && Math.max(Math.floor(symbolTable.size / recordSizeBytes.symbol), 1);
  return readRela(fields, symbolCount ?? Number.POSITIVE_INFINITY);
}

const relrRecordSize = 8;
const wordSize = 8n;
const placesInBitmap = 63n;

/**
 * An even record is the address of a place; an odd one is a bitmap of which of the 63 words that follow
 * the last place are places too. Every place is a word of the file, which bounds their number.
 */
function readRelr(layout: ElfLayout, entries: readonly DynamicEntry[]): readonly Relocation[] {
  const where = "the packed relocation table (DT_RELR)";
  const records = openDynamicTable(layout, entries, DT.RELR, DT.RELRSZ, where, relrRecordSize);
  const relocations: Relocation[] = [];
  const add = (offset: bigint) => {
    if (relocations.length * relrRecordSize >= layout.bytes.length) {
      throw malformed("UKL-208", layout.path, `${where} has more places than the file has words`);
    }
    const place = new Fields(bytesAtOwnAddress(layout, offset, wordSize, "a place"), layout.path, "a place");
    relocations.push({ offset, type: R_X86_64.RELATIVE, symbolIndex: 0, addend: place.i64(0) });
  };
  let next = 0n;
  for (let at = 0; at < (records?.sizeBytes ?? 0); at += relrRecordSize) {
    const record = records?.u64(at) ?? 0n;
    if ((record & 1n) === 0n) {
      add(record);
      next = record + wordSize;
      continue;
    }
    for (let bit = 0n; bit < placesInBitmap; bit++) {
      if ((record >> (bit + 1n)) & 1n) add(next + bit * wordSize);
    }
    next += placesInBitmap * wordSize;
  }
  return relocations;
}

function openDynamicTable(
  layout: ElfLayout,
  entries: readonly DynamicEntry[],
  addressTag: number,
  sizeTag: number,
  where: string,
  recordSize: number,
): Fields | undefined {
  const address = dynamicValue(entries, addressTag);
  const size = dynamicValue(entries, sizeTag) ?? 0n;
  if (address === undefined || size === 0n) return undefined;
  if (size % BigInt(recordSize) !== 0n) {
    throw malformed("UKL-208", layout.path, `${where} has ${size} bytes, not a multiple of ${recordSize}`);
  }
  return new Fields(bytesAtOwnAddress(layout, address, size, where), layout.path, where);
}

function relRefused(layout: ElfLayout, where: string) {
  return malformed("UKL-208", layout.path, `${where} has REL relocations; x86-64 has only RELA`);
}
