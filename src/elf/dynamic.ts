// SPDX-License-Identifier: MIT
/**
 * What a file tells the dynamic loader: interpreter and dynamic section (gABI chapter 5).
 *
 * Read through the segments, as the loader does, so that it works without section headers. Addresses in
 * dynamic entries are therefore looked up in the PT_LOAD segments.
 */
import { DT, PT, recordSizeBytes, SHT } from "./constants.js";
import { Fields } from "./fields.js";
import { bytesAtOwnAddress, type ElfLayout } from "./layout.js";
import { malformed } from "./malformed.js";
import { sectionBytes } from "./sections.js";
import { StringTable } from "./strings.js";

export interface DynamicEntry {
  /** One of DT, or any other number. */
  readonly tag: number;
  readonly value: bigint;
}

export interface Dynamic {
  /** In the order of the file, without the DT_NULL at the end. */
  readonly entries: readonly DynamicEntry[];
  /** DT_NEEDED, in the order of the file, which is the loader's search order. */
  readonly needed: readonly string[];
  readonly soname: string | undefined;
  readonly rpath: string | undefined;
  readonly runpath: string | undefined;
  /** DT_FLAGS_1; 0 when absent. */
  readonly flags1: bigint;
}

/** The dynamic section, or undefined when there is none. Throws UKL-206, UKL-208. */
export function readDynamic(layout: ElfLayout): Dynamic | undefined {
  const bytes = dynamicBytes(layout);
  if (bytes === undefined) return undefined;
  const entries = readEntries(new Fields(bytes, layout.path, "the dynamic section"));
  const strings = (tag: number): readonly string[] => {
    const named = entries.filter((entry) => entry.tag === tag);
    if (named.length === 0) return [];
    const table = readDynamicStrings(layout, entries);
    return named.map(({ value }) => table.at(Number(value)));
  };
  return {
    entries,
    needed: strings(DT.NEEDED),
    soname: strings(DT.SONAME).at(-1),
    rpath: strings(DT.RPATH).at(-1),
    runpath: strings(DT.RUNPATH).at(-1),
    flags1: dynamicValue(entries, DT.FLAGS_1) ?? 0n,
  };
}

/** The value of a tag. Of several, the last counts, as for the loader. */
export function dynamicValue(entries: readonly DynamicEntry[], tag: number): bigint | undefined {
  return entries.findLast((entry) => entry.tag === tag)?.value;
}

/**
 * The string table that the dynamic section names. The loader does not look at DT_STRSZ: where that is not what the
 * table has, the names that have an end count. Throws UKL-206, UKL-208.
 */
export function readDynamicStrings(layout: ElfLayout, entries: readonly DynamicEntry[]): StringTable {
  const address = dynamicValue(entries, DT.STRTAB);
  if (address === undefined) {
    throw malformed("UKL-208", layout.path, "the dynamic section has names, but no DT_STRTAB");
  }
  const where = "the dynamic string table";
  const size = Number(dynamicValue(entries, DT.STRSZ) ?? 0n);
  const told = size > 0 ? layout.memoryAt(address, size) : undefined;
  if (told !== undefined && told[size - 1] === 0) return new StringTable(told, layout.path, where);
  const all = layout.bytesFrom(address) ?? bytesAtOwnAddress(layout, address, 1n, where);
  return new StringTable(all.subarray(0, all.lastIndexOf(0) + 1), layout.path, where);
}

/**
 * The path in PT_INTERP, or undefined when there is none. Of several, the first counts, as for Linux; what it refuses in
 * it is in ./executable.ts. Throws UKL-208.
 */
export function readInterpreter(layout: ElfLayout): string | undefined {
  const segment = layout.segments.find(({ type }) => type === PT.INTERP);
  if (segment === undefined) return undefined;
  const bytes = layout.bytes.subarray(segment.offset, segment.offset + segment.filesz);
  const end = bytes.indexOf(0);
  if (end <= 0) throw malformed("UKL-208", layout.path, "PT_INTERP is not a string with an end");
  return Buffer.from(bytes.buffer, bytes.byteOffset, end).toString("utf8");
}

/** The loader finds them by address, and goes by DT_NULL alone; of several PT_DYNAMIC the last counts. */
function dynamicBytes(layout: ElfLayout): Uint8Array | undefined {
  const segment = layout.segments.findLast(({ type }) => type === PT.DYNAMIC);
  if (segment !== undefined) {
    const mapped = layout.bytesFrom(segment.vaddr);
    return mapped ?? layout.bytes.subarray(segment.offset, segment.offset + segment.filesz);
  }
  const section = layout.sections.find(({ type }) => type === SHT.DYNAMIC);
  return section === undefined ? undefined : sectionBytes(layout.bytes, section);
}

/** The end of the segment ends the list too: a file with debug information only has no bytes there. */
function readEntries(fields: Fields): readonly DynamicEntry[] {
  const entries: DynamicEntry[] = [];
  for (let at = 0; at + recordSizeBytes.dynamic <= fields.sizeBytes; at += recordSizeBytes.dynamic) {
    const tag = fields.size(at, "a d_tag");
    if (tag === DT.NULL) break;
    entries.push({ tag, value: fields.u64(at + 8) });
  }
  return entries;
}
