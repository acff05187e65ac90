// SPDX-License-Identifier: MIT
/**
 * The section header table as columns of numbers (gABI chapter 4, "Sections"). A kernel whose functions have
 * sections of their own has fifty thousand of them, too many for an object each.
 */
import { recordSizeBytes, SHT } from "./constants.js";
import { Fields } from "./fields.js";
import { readHeader } from "./header.js";
import { malformed } from "./malformed.js";
import { StringTable } from "./strings.js";

export interface SectionColumns {
  readonly count: number;
  readonly type: Uint32Array;
  /** The lower half, which has all flags that there are. */
  readonly flags: Uint32Array;
  /** In the file; a section without bytes there has no meaningful one. */
  readonly offset: Uint32Array;
  readonly size: Uint32Array;
  readonly link: Uint32Array;
  readonly info: Uint32Array;
  readonly entsize: Uint32Array;
  /** Offset in the file of the header of each. */
  readonly header: Uint32Array;
  /** Throws UKL-208. */
  nameOf(section: number): string;
  /** The bytes of a section, not copied. */
  bytesOf(section: number): Uint8Array;
}

/** Throws UKL-202 to UKL-208 and UKL-210. */
export function readSectionColumns(bytes: Uint8Array, path: string): SectionColumns {
  const { sectionHeaders, sectionNamesIndex } = readHeader(bytes, path).header;
  const { count, offset: table } = sectionHeaders;
  const tableBytes = count * recordSizeBytes.sectionHeader;
  const fields = new Fields(bytes.subarray(table, table + tableBytes), path, "the section headers");
  const columns = emptyColumns(count);
  const names = new Uint32Array(count);
  for (let section = 0; section < count; section++) {
    const at = section * recordSizeBytes.sectionHeader;
    names[section] = fields.u32(at);
    columns.type[section] = fields.u32(at + 4);
    columns.flags[section] = fields.u32(at + 8);
    const offset = small(fields, at + 24);
    const size = small(fields, at + 32);
    columns.offset[section] = offset;
    columns.size[section] = size;
    columns.link[section] = fields.u32(at + 40);
    columns.info[section] = fields.u32(at + 44);
    columns.entsize[section] = small(fields, at + 56);
    columns.header[section] = table + at;
    if (hasBytes(columns.type[section] ?? 0) && offset + size > bytes.length) {
      throw malformed("UKL-206", path, `section ${section} has ${size} bytes at offset ${offset}`);
    }
  }
  const bytesOf = (section: number): Uint8Array => {
    const offset = columns.offset[section] ?? 0;
    const size = hasBytes(columns.type[section] ?? 0) ? (columns.size[section] ?? 0) : 0;
    return bytes.subarray(offset, offset + size);
  };
  return { count, ...columns, bytesOf, nameOf: nameReader(bytesOf(sectionNamesIndex), names, path) };
}

/** A size or an offset in a file of less than 4 GiB. */
function small(fields: Fields, at: number): number {
  if (fields.u32(at + 4) === 0) return fields.u32(at);
  throw malformed("UKL-206", fields.path, `a section has an offset or size of 2^32 or more`);
}

function emptyColumns(count: number) {
  return {
    type: new Uint32Array(count),
    flags: new Uint32Array(count),
    offset: new Uint32Array(count),
    size: new Uint32Array(count),
    link: new Uint32Array(count),
    info: new Uint32Array(count),
    entsize: new Uint32Array(count),
    header: new Uint32Array(count),
  };
}

function hasBytes(type: number): boolean {
  return type !== SHT.NOBITS && type !== SHT.NULL;
}

/** Equal names are in the string table once, and are decoded once. */
function nameReader(strings: Uint8Array, names: Uint32Array, path: string): (section: number) => string {
  const table = new StringTable(strings, path, "the names of sections");
  const known = new Map<number, string>();
  return (section) => {
    const offset = names[section] ?? 0;
    const name = known.get(offset) ?? table.at(offset);
    known.set(offset, name);
    return name;
  };
}
