// SPDX-License-Identifier: MIT
/**
 * The ELF file header (gABI chapter 4, "ELF Header"): what the file is, and where its two tables are.
 *
 * The order of the checks decides which error a damaged file gets: first what needs no more than the
 * identification, then the length, then the machine and type, then the tables.
 */

import { UklError } from "../errors.js";
import { PN_XNUM, recordSizeBytes, SHN } from "./constants.js";
import { hex, malformed } from "./malformed.js";
import { RawElf, type RawSection } from "./raw.js";

export type ElfKind = "relocatable" | "executable" | "shared";

/** A table of equal records inside the file; checked to be there completely. */
export interface HeaderTable {
  readonly offset: number;
  readonly count: number;
}

export interface ElfHeader {
  readonly kind: ElfKind;
  readonly entry: bigint;
  readonly flags: number;
  readonly programHeaders: HeaderTable;
  readonly sectionHeaders: HeaderTable;
  /** Index of the section with the names of sections; 0 when there is none. */
  readonly sectionNamesIndex: number;
  /** Why the section headers of a file that is run are not used. */
  readonly tableProblem: string | undefined;
}

const kindOfType: Readonly<Record<string, ElfKind>> = {
  rel: "relocatable",
  exec: "executable",
  dyn: "shared",
};

/** Reads and checks the header. Throws UKL-202 to UKL-208 and UKL-210. */
export function readHeader(bytes: Uint8Array, path: string): { raw: RawElf; header: ElfHeader } {
  const isRun = checkIdentification(bytes, path);
  const raw = new RawElf(bytes, path);
  const { header } = raw;
  if (header.machine !== "amd64") {
    const machine = (bytes[18] ?? 0) + (bytes[19] ?? 0) * 256;
    throw malformed(
      "UKL-205",
      path,
      `e_machine is ${machine} (${header.machine ?? "unknown"}), not 62 (x86-64)`,
    );
  }
  const kind = kindOfType[header.type ?? ""];
  if (kind === undefined) {
    throw malformed("UKL-210", path, "e_type is neither ET_REL, ET_EXEC nor ET_DYN");
  }
  const { entry, flags } = header;
  if (isRun) return { raw, header: { kind, entry, flags, ...locateLoadedTables(raw) } };
  if (header.version !== 1) throw malformed("UKL-208", path, `e_version is ${header.version}, not 1`);
  if (header.ehsize !== recordSizeBytes.fileHeader) {
    throw malformed("UKL-208", path, `e_ehsize is ${header.ehsize}, not ${recordSizeBytes.fileHeader}`);
  }
  return { raw, header: { kind, entry, flags, tableProblem: undefined, ...locateTables(raw) } };
}

const etCore = 4;
const emX86 = 62;
/** ET_EXEC and ET_DYN. */
const runTypes = new Set([2, 3]);

/**
 * Whether Linux runs it as a 64-bit program: it looks at the first four bytes, `e_type`, `e_machine` and `e_phentsize`
 * (load_elf_binary in fs/binfmt_elf.c), and so a program may have anything in the rest of its identification.
 */
function checkIdentification(bytes: Uint8Array, path: string): boolean {
  if (bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) {
    throw malformed("UKL-202", path, "it does not start with the bytes 7f 45 4c 46");
  }
  const [elfClass, data, version] = [bytes[4], bytes[5], bytes[6]];
  if (elfClass === undefined || data === undefined || version === undefined) {
    throw malformed("UKL-203", path, `it ends inside the identification, after ${bytes.length} bytes`);
  }
  const word = (at: number) => (bytes[at] ?? 0) + (bytes[at + 1] ?? 0) * 256;
  const type = data === 2 ? (bytes[16] ?? 0) * 256 + (bytes[17] ?? 0) : word(16);
  if (type === etCore) throw malformed("UKL-207", path, "e_type is ET_CORE");
  const isRun = runTypes.has(word(16)) && word(18) === emX86;
  const hasLongHeaders = isRun && word(54) === recordSizeBytes.programHeader;
  if (elfClass === 1 && !hasLongHeaders) throw malformed("UKL-204", path, "its class is ELFCLASS32");
  if (!isRun) checkClass(path, elfClass, data, version);
  if (bytes.length < recordSizeBytes.fileHeader) {
    throw malformed("UKL-203", path, `it ends inside the ELF header, after ${bytes.length} of 64 bytes`);
  }
  return isRun;
}

function checkClass(path: string, elfClass: number, data: number, version: number): void {
  if (elfClass !== 2) throw malformed("UKL-208", path, `its class is ${elfClass}, which does not exist`);
  if (data === 2) throw malformed("UKL-205", path, "it is big-endian; x86-64 is little-endian");
  if (data !== 1) throw malformed("UKL-208", path, `its data encoding is ${data}, which does not exist`);
  if (version !== 1) throw malformed("UKL-208", path, `its ELF version is ${version}, not 1`);
}

type Tables = Pick<ElfHeader, "programHeaders" | "sectionHeaders" | "sectionNamesIndex">;

/** Of a file that is run: sections are for linkers and debuggers, so what is wrong with their table is told and left. */
function locateLoadedTables(raw: RawElf): Tables & Pick<ElfHeader, "tableProblem"> {
  try {
    return { ...locateTables(raw), tableProblem: undefined };
  } catch (error) {
    if (!(error instanceof UklError)) throw error;
    const { phoff, phnum } = raw.header;
    checkSegmentTable(raw, phnum);
    return {
      programHeaders: { offset: phoff, count: phnum },
      sectionHeaders: { offset: 0, count: 0 },
      sectionNamesIndex: 0,
      tableProblem: error.detail.cause,
    };
  }
}

/** Counts that do not fit 16 bits are in section 0 (gABI chapter 4, "extended section header"). */
function locateTables(raw: RawElf): Tables {
  const { header, path } = raw;
  if (header.phnum !== PN_XNUM) checkSegmentTable(raw, header.phnum);
  const first = readFirstSection(raw);
  const segmentCount = header.phnum === PN_XNUM && first !== undefined ? first.info : header.phnum;
  if (header.phnum === PN_XNUM) checkSegmentTable(raw, segmentCount);
  const sectionCount = first === undefined ? 0 : header.shnum || first.size;
  if (sectionCount > header.shnum) {
    checkTable(raw, "section headers", header.shoff, sectionCount, recordSizeBytes.sectionHeader);
  }
  const namesIndex = header.shstrndx === SHN.XINDEX ? (first?.link ?? 0) : header.shstrndx;
  if (sectionCount > 0 && namesIndex >= sectionCount) {
    throw malformed("UKL-208", path, `e_shstrndx is ${namesIndex}, but there are ${sectionCount} sections`);
  }
  return {
    programHeaders: { offset: header.phoff, count: segmentCount },
    sectionHeaders: { offset: header.shoff, count: sectionCount },
    sectionNamesIndex: sectionCount === 0 ? 0 : namesIndex,
  };
}

function checkSegmentTable(raw: RawElf, count: number): void {
  const { header, path } = raw;
  if (count === 0) return;
  checkRecordSize(path, "e_phentsize", header.phentsize, recordSizeBytes.programHeader);
  checkTable(raw, "program headers", header.phoff, count, recordSizeBytes.programHeader);
}

/** Section 0, which is there whenever `e_shoff` is not 0; the table of `e_shnum` sections is then checked too. */
function readFirstSection(raw: RawElf): RawSection | undefined {
  const { header, path } = raw;
  if (header.shoff === 0) return undefined;
  checkRecordSize(path, "e_shentsize", header.shentsize, recordSizeBytes.sectionHeader);
  checkTable(raw, "section headers", header.shoff, header.shnum || 1, recordSizeBytes.sectionHeader);
  return raw.section(header.shoff);
}

function checkRecordSize(path: string, field: string, found: number, expected: number): void {
  if (found !== expected) throw malformed("UKL-208", path, `${field} is ${found}, not ${expected}`);
}

function checkTable(raw: RawElf, name: string, offset: number, count: number, recordSize: number): void {
  const { bytes, path } = raw;
  const end = offset + count * recordSize;
  if (!Number.isSafeInteger(end)) {
    throw malformed("UKL-206", path, `the ${name} would be at offset ${hex(BigInt(offset))}`);
  }
  if (end <= bytes.length) return;
  throw malformed(
    "UKL-203",
    path,
    `the ${name} (${count}) are at ${offset} to ${end}, but the file has ${bytes.length} bytes`,
  );
}
