// SPDX-License-Identifier: MIT
/**
 * Numbers of the ELF format that this project looks at, under the names of <elf.h> without their prefix.
 *
 * Sources: System V gABI (chapters 4 and 5), the x86-64 psABI, and the GNU extensions of the Linux
 * gABI supplement. elfy has tables of its own, but maps several GNU values to Solaris names.
 */

/** Segment types (`p_type`). */
export const PT = {
  NULL: 0,
  LOAD: 1,
  DYNAMIC: 2,
  INTERP: 3,
  NOTE: 4,
  SHLIB: 5,
  PHDR: 6,
  TLS: 7,
  GNU_EH_FRAME: 0x6474e550,
  GNU_STACK: 0x6474e551,
  GNU_RELRO: 0x6474e552,
  GNU_PROPERTY: 0x6474e553,
} as const;

/** Segment flags (`p_flags`). */
export const PF = { X: 1, W: 2, R: 4 } as const;

/** Section flags (`sh_flags`). */
export const SHF = { WRITE: 1, ALLOC: 2, EXECINSTR: 4, TLS: 0x400, EXCLUDE: 0x80000000 } as const;

/** Flag of a section group of which a program has one copy (`SHT_GROUP`). */
export const GRP_COMDAT = 1;

/** Section types (`sh_type`). */
export const SHT = {
  NULL: 0,
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  HASH: 5,
  DYNAMIC: 6,
  NOTE: 7,
  NOBITS: 8,
  REL: 9,
  DYNSYM: 11,
  INIT_ARRAY: 14,
  FINI_ARRAY: 15,
  PREINIT_ARRAY: 16,
  GROUP: 17,
  SYMTAB_SHNDX: 18,
  RELR: 19,
  GNU_HASH: 0x6ffffff6,
  GNU_VERDEF: 0x6ffffffd,
  GNU_VERNEED: 0x6ffffffe,
  GNU_VERSYM: 0x6fffffff,
  X86_64_UNWIND: 0x70000001,
} as const;

/** Kinds of symbols (`st_info`), how they bind, and who sees them (`st_other`). */
export const STT = {
  NOTYPE: 0,
  OBJECT: 1,
  FUNC: 2,
  SECTION: 3,
  FILE: 4,
  COMMON: 5,
  TLS: 6,
  GNU_IFUNC: 10,
} as const;
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2, GNU_UNIQUE: 10 } as const;
export const STV = { DEFAULT: 0, INTERNAL: 1, HIDDEN: 2, PROTECTED: 3 } as const;

/** Reserved section indices (`st_shndx`, `e_shstrndx`); everything from LORESERVE on names no section. */
export const SHN = { UNDEF: 0, LORESERVE: 0xff00, ABS: 0xfff1, COMMON: 0xfff2, XINDEX: 0xffff } as const;

/** `e_phnum` when the number of segments does not fit: it is then in `sh_info` of section 0. */
export const PN_XNUM = 0xffff;

/** Dynamic tags (`d_tag`). */
export const DT = {
  NULL: 0,
  NEEDED: 1,
  PLTRELSZ: 2,
  HASH: 4,
  STRTAB: 5,
  SYMTAB: 6,
  RELA: 7,
  RELASZ: 8,
  RELAENT: 9,
  STRSZ: 10,
  SYMENT: 11,
  INIT: 12,
  FINI: 13,
  SONAME: 14,
  RPATH: 15,
  REL: 17,
  PLTREL: 20,
  JMPREL: 23,
  INIT_ARRAY: 25,
  FINI_ARRAY: 26,
  INIT_ARRAYSZ: 27,
  FINI_ARRAYSZ: 28,
  RUNPATH: 29,
  PREINIT_ARRAY: 32,
  PREINIT_ARRAYSZ: 33,
  RELRSZ: 35,
  RELR: 36,
  GNU_HASH: 0x6ffffef5,
  VERSYM: 0x6ffffff0,
  FLAGS_1: 0x6ffffffb,
  VERDEF: 0x6ffffffc,
  VERDEFNUM: 0x6ffffffd,
  VERNEED: 0x6ffffffe,
  VERNEEDNUM: 0x6fffffff,
} as const;

/** Bit of DT_FLAGS_1 that says: a position independent executable, not a library. */
export const DF_1_PIE = 0x08000000n;

/** Relocation types (psABI tables 4.9 and 4.10): what a loader applies, and behind it what only linkers see. */
export const R_X86_64 = {
  ABS64: 1,
  GLOB_DAT: 6,
  JUMP_SLOT: 7,
  /** Base + addend: all that a RELR table, which stores no type, can say. */
  RELATIVE: 8,
  DTPMOD64: 16,
  TPOFF64: 18,
  TLSDESC: 36,
  IRELATIVE: 37,

  NONE: 0,
  PC32: 2,
  PLT32: 4,
  GOTPCREL: 9,
  ABS32: 10,
  ABS32S: 11,
  ABS16: 12,
  PC16: 13,
  ABS8: 14,
  PC8: 15,
  DTPOFF64: 17,
  TLSGD: 19,
  TLSLD: 20,
  DTPOFF32: 21,
  GOTTPOFF: 22,
  TPOFF32: 23,
  PC64: 24,
  GOTPC32: 26,
  SIZE32: 32,
  SIZE64: 33,
  GOTPC32_TLSDESC: 34,
  TLSDESC_CALL: 35,
  GOTPCRELX: 41,
  REX_GOTPCRELX: 42,
} as const;

/** Note type of the build-id, under the owner "GNU". */
export const NT_GNU_BUILD_ID = 3;

/** Sizes in bytes of the records of ELF64. */
export const recordSizeBytes = {
  fileHeader: 64,
  programHeader: 56,
  sectionHeader: 64,
  symbol: 24,
  rela: 24,
  dynamic: 16,
} as const;

/** "PT_LOAD", or the number in hexadecimal for a type without a name here. */
export function segmentTypeName(type: number): string {
  return constantName(PT, "PT_", type);
}

/** "SHT_SYMTAB", or the number in hexadecimal for a type without a name here. */
export function sectionTypeName(type: number): string {
  return constantName(SHT, "SHT_", type);
}

function constantName(table: Readonly<Record<string, number>>, prefix: string, value: number): string {
  const name = Object.keys(table).find((key) => table[key] === value);
  return name === undefined ? `0x${value.toString(16)}` : prefix + name;
}
