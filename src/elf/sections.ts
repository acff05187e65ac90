// SPDX-License-Identifier: MIT
/**
 * The section header table (gABI chapter 4, "Sections"). A linker needs it; a program runs without, so a
 * file may have none.
 */
import { recordSizeBytes, SHT, sectionTypeName } from "./constants.js";
import type { ElfHeader } from "./header.js";
import { malformed } from "./malformed.js";
import type { RawElf, RawSection } from "./raw.js";
import { isPowerOfTwo } from "./segments.js";
import { StringTable } from "./strings.js";

export interface Section {
  /** Place in the section header table, as `st_shndx`, `sh_link` and `sh_info` use it. */
  readonly index: number;
  readonly name: string;
  /** One of SHT, or any other number. */
  readonly type: number;
  /** SHF_*: 1 write, 2 alloc, 4 execinstr, 0x400 tls and others. */
  readonly flags: number;
  readonly addr: bigint;
  /** Offset in the file, in bytes; without meaning for SHT_NOBITS and SHT_NULL. */
  readonly offset: number;
  /** Size in bytes: in memory for SHT_NOBITS, else in the file and inside it. */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  /** 0 or a power of two. */
  readonly addralign: number;
  /** Size in bytes of a record, in a table of equal records. */
  readonly entsize: number;
}

const noBytes = new Uint8Array(0);

/** Reads and checks all sections, the empty section 0 included. Throws UKL-206, UKL-208. */
export function readSections(raw: RawElf, header: ElfHeader): readonly Section[] {
  const { offset, count } = header.sectionHeaders;
  const at = (index: number) => offset + index * recordSizeBytes.sectionHeader;
  if (count === 0) return [];
  const names = readSectionNames(raw, header.sectionNamesIndex, at(header.sectionNamesIndex));
  const sections: Section[] = [];
  for (let index = 0; index < count; index++) {
    const { nameOffset, ...section } = raw.section(at(index));
    checkSection(raw, section, `section ${index} (${sectionTypeName(section.type)})`);
    const name = names === undefined || section.type === SHT.NULL ? "" : names.at(nameOffset);
    sections.push({ index, name, ...section });
  }
  return sections;
}

/** The bytes of a section, not copied; none for SHT_NOBITS and SHT_NULL, which occupy no place in the file. */
export function sectionBytes(
  bytes: Uint8Array,
  section: Pick<Section, "type" | "offset" | "size">,
): Uint8Array {
  if (section.type === SHT.NOBITS || section.type === SHT.NULL) return noBytes;
  return bytes.subarray(section.offset, section.offset + section.size);
}

function readSectionNames(raw: RawElf, index: number, at: number): StringTable | undefined {
  if (index === 0) return undefined;
  const section = raw.section(at);
  const where = `section ${index} (the names of sections)`;
  if (section.type !== SHT.STRTAB) {
    throw malformed(
      "UKL-208",
      raw.path,
      `${where} is of type ${sectionTypeName(section.type)}, not SHT_STRTAB`,
    );
  }
  checkSection(raw, section, where);
  return new StringTable(sectionBytes(raw.bytes, section), raw.path, where);
}

function checkSection(raw: RawElf, section: Omit<RawSection, "nameOffset">, where: string): void {
  const { bytes, path } = raw;
  const { type, offset, size, addralign } = section;
  if (type === SHT.NULL) return;
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(size)) {
    throw malformed("UKL-206", path, `${where} has an offset or size of 2^53 or more`);
  }
  if (type !== SHT.NOBITS && size > 0 && offset + size > bytes.length) {
    throw malformed(
      "UKL-206",
      path,
      `${where} has ${size} bytes at offset ${offset}, but the file has ${bytes.length} bytes`,
    );
  }
  if (addralign !== 0 && !isPowerOfTwo(addralign)) {
    throw malformed("UKL-208", path, `${where} has sh_addralign ${addralign}, which is not a power of two`);
  }
}
