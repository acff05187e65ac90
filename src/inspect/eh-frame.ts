// SPDX-License-Identifier: MIT
/**
 * Where functions begin and end by the unwind table, which stripped files keep: `.eh_frame`.
 *
 * A table is a sequence of records: a CIE has what functions share, of which only the encoding of addresses
 * matters here; an FDE names its CIE and has the address and size of one function or part of a function.
 * Sources: LSB Core 5.0 chapter 10.6 ("Exception Frames"), System V psABI for x86-64 section 4.2.4.
 */
import { PF, PT, SHT } from "../elf/constants.js";
import { Fields } from "../elf/fields.js";
import type { ElfFile } from "../elf/file.js";
import { malformed } from "../elf/malformed.js";
import { UklError } from "../errors.js";
import type { FunctionRanges } from "./module.js";
import { sortRanges, upperBound } from "./sorted.js";

/** The parts of DW_EH_PE_* encodings: a format, and what the value is relative to. */
const signedFormat = 0x08;
const relationMask = 0xf0;
const absolute = 0x00;
/** Relative to their place, in signed words: what GCC and LLVM write. */
const commonEncoding = 0x1b;
const pcRelative = 0x10;
const aligned = 0x50;
const omitted = 0xff;
/** Of a CIE that is well-formed, but whose addresses are relative to what a file does not tell. */
const unsupported = -1;

/** Bytes of the formats: address, LEB128, 16, 32 and 64 bits. The signed ones are the same. */
const formatSizes = [8, 0, 2, 4, 8] as const;

/** GCC writes at most six letters, "zPLRSB". */
const augmentationSizeLimit = 16;

/**
 * All FDE ranges in executable segments, by rising start; two FDEs may have the same. Empty for a file
 * without unwind table, and for a relocatable one. Never throws: a damaged table counts up to the damage.
 */
export function readFrameRanges(file: ElfFile): FunctionRanges {
  const found: Columns = { starts: [], ends: [] };
  try {
    const table = file.kind === "relocatable" ? undefined : (tableOfSection(file) ?? tableOfSegment(file));
    if (table !== undefined) readTable(table, executableTest(file), found);
  } catch (error) {
    if (!(error instanceof UklError)) throw error;
  }
  return sortRanges(found);
}

type Columns = { readonly starts: number[]; readonly ends: number[] };
type RangeTest = (start: number, end: number) => boolean;

interface FrameTable {
  readonly records: FrameFields;
  /** Records begin below this offset; undefined when nothing tells, so that the first terminator ends them. */
  readonly limit: number | undefined;
}

function tableOfSection(file: ElfFile): FrameTable | undefined {
  const section = file.sections.find(
    ({ name, type }) => name === ".eh_frame" && (type === SHT.PROGBITS || type === SHT.X86_64_UNWIND),
  );
  if (section === undefined) return undefined;
  const records = new FrameFields(file.sectionBytes(section), Number(section.addr), file.path);
  return { records, limit: records.sizeBytes };
}

/**
 * Without section headers: `.eh_frame_hdr` has the address of the table, and an index of its FDEs. Nothing
 * has the size, and other data follow in the segment; so the last indexed FDE is the end.
 */
function tableOfSegment(file: ElfFile): FrameTable | undefined {
  const segment = file.segments.findLast(({ type }) => type === PT.GNU_EH_FRAME);
  const headerBytes = segment && file.bytesFrom(segment.vaddr);
  if (segment === undefined || headerBytes === undefined) return undefined;
  const header = new FrameFields(headerBytes, Number(segment.vaddr), file.path);
  const [version, tableEncoding = omitted, countEncoding = omitted, indexEncoding] = header.slice(0, 4);
  header.position = 4;
  const address = header.readAddress(tableEncoding);
  const bytes = version === 1 && address >= 0 ? file.bytesFrom(BigInt(address)) : undefined;
  if (bytes === undefined) return undefined;
  const records = new FrameFields(bytes, address, file.path);
  // Signed words relative to the header: the only encoding that unwinders search, so the one linkers write.
  const isIndexed = indexEncoding === 0x3b && countEncoding !== omitted;
  const last = isIndexed ? lastIndexed(header, countEncoding) - address : -1;
  return { records, limit: last < 0 ? undefined : Math.min(last + 1, bytes.length) };
}

/** The highest FDE address in the index, which is of pairs of function and FDE; -1 when it is empty. */
function lastIndexed(header: FrameFields, countEncoding: number): number {
  let count = header.readValue(countEncoding);
  let last = -1;
  for (let pair = header.position; count > 0 && pair + 8 <= header.sizeBytes; pair += 8, count--) {
    last = Math.max(last, header.address + (header.u32(pair + 4) | 0));
  }
  return last;
}

/** Appends, in the order of the table. */
function readTable({ records, limit }: FrameTable, isExecutable: RangeTest, { starts, ends }: Columns): void {
  const { view } = records;
  const encodings = new Map<number, number>();
  for (let at = 0, next = 0; at < (limit ?? view.byteLength); at = next) {
    next = records.openRecord(at);
    const idAt = records.position;
    // A terminator, of which every linked object may have brought one.
    if (idAt === next && limit === undefined) break;
    const cieDistance = idAt === next ? 0 : view.getUint32(idAt, true);
    if (cieDistance === 0) continue;
    const cieAt = idAt - cieDistance;
    let encoding = encodings.get(cieAt);
    if (encoding === undefined) {
      encoding = readAddressEncoding(records, cieAt);
      encodings.set(cieAt, encoding);
    }
    if (encoding === unsupported) continue;
    let start: number;
    let size: number;
    if (encoding === commonEncoding && next - idAt >= 12) {
      // Tables are read once, by code that no compiler has seen yet: here calls are most of the time.
      start = records.address + idAt + 4 + view.getInt32(idAt + 4, true);
      size = view.getUint32(idAt + 8, true);
    } else {
      records.position = idAt + 4;
      start = records.readAddress(encoding);
      size = records.readValue(encoding & ~signedFormat);
      if (records.position > next) throw records.damage(at, "an FDE is shorter than its fields");
    }
    if (size <= 0 || !isExecutable(start, start + size)) continue;
    starts.push(start);
    ends.push(start + size);
  }
}

/** How the FDEs of the CIE at an offset encode addresses. */
function readAddressEncoding(records: FrameFields, at: number): number {
  const end = records.openRecord(at);
  const idAt = records.position;
  const version = idAt === end ? 0 : records.u8(idAt + 4);
  if (records.u32(idAt) !== 0 || (version !== 1 && version !== 3))
    throw records.damage(at, "no CIE is there");
  const start = idAt + 5;
  const letters = records.bytes.subarray(start, Math.min(start + augmentationSizeLimit, end));
  const size = letters.indexOf(0);
  if (size < 0) throw records.damage(at, "a CIE has an endless augmentation");
  records.position = start + size + 1;
  records.readLeb128(); // code alignment
  records.readLeb128(); // data alignment
  if (version === 1) records.position++;
  else records.readLeb128(); // return address register
  const augmentation = String.fromCharCode(...letters.subarray(0, size));
  const encoding = augmentation === "" ? absolute : readAugmentation(records, augmentation);
  if (records.position > end) throw records.damage(at, "a CIE is shorter than its fields");
  const relation = encoding & relationMask;
  const isSupported = relation === absolute || relation === pcRelative;
  return isSupported && formatSizes[encoding & 7] !== undefined ? encoding : unsupported;
}

/** The encoding behind the letter R; absolute when there is none. An unknown letter hides what follows. */
function readAugmentation(records: FrameFields, augmentation: string): number {
  if (!augmentation.startsWith("z")) return unsupported;
  records.readLeb128(); // size of what the letters stand for
  for (const letter of augmentation.slice(1)) {
    if (letter === "R") return records.u8(records.position++);
    if (letter === "L") records.position++;
    else if (letter === "P") {
      const personality = records.u8(records.position++);
      if (personality === aligned) return unsupported;
      if (personality !== omitted) records.readValue(personality);
    } else if (!"SBG".includes(letter)) return unsupported;
  }
  return absolute;
}

/** Reads of one table, each behind the one before where they have no offset of their own. */
class FrameFields extends Fields {
  readonly view: DataView;
  position = 0;

  constructor(
    bytes: Uint8Array,
    /** Of the first byte. */
    readonly address: number,
    path: string,
  ) {
    super(bytes, path, "the unwind table");
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves to the id of the record at an offset, and returns the record's end: here for a terminator. */
  openRecord(at: number): number {
    const word = this.u32(at);
    const isLong = word === 0xffffffff;
    const size = isLong ? this.size(at + 4, "a record") : word;
    const start = at + (isLong ? 12 : 4);
    if (size > 0 && size < 4) throw this.damage(at, `a record has ${size} bytes`);
    if (start + size > this.view.byteLength) throw this.damage(at, "a record goes beyond the end");
    this.position = start;
    return start + size;
  }

  readAddress(encoding: number): number {
    const place = (encoding & relationMask) === pcRelative ? this.address + this.position : 0;
    return place + this.readValue(encoding);
  }

  /** Only the format of the encoding counts. Addresses wrap, so 64 bits are signed either way. */
  readValue(encoding: number): number {
    const isSigned = (encoding & signedFormat) !== 0;
    const size = formatSizes[encoding & 7];
    const at = this.position;
    if (size === undefined) throw this.damage(at, "an encoding does not exist");
    if (size === 0) return this.readLeb128(isSigned);
    this.position = at + size;
    if (size === 8) return this.u32(at) + (this.u32(at + 4) | 0) * 2 ** 32;
    const unsigned = size === 4 ? this.u32(at) : this.u16(at);
    return isSigned && unsigned >= 2 ** (size * 8 - 1) ? unsigned - 2 ** (size * 8) : unsigned;
  }

  readLeb128(isSigned = false): number {
    let value = 0;
    // Ten bytes have 64 bits.
    for (let unit = 1; unit < 2 ** 70; unit *= 128) {
      const byte = this.u8(this.position++);
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return isSigned && byte >= 0x40 ? value - unit * 128 : value;
    }
    throw this.damage(this.position, "a number has more than 64 bits");
  }

  damage(at: number, what: string): UklError {
    return malformed("UKL-208", this.path, `at offset ${at} of ${this.where} ${what}`);
  }
}

/** Whether an executable segment has all of a range. Neighbours are mostly in the same, so that is asked first. */
function executableTest(file: ElfFile): RangeTest {
  const loads = file.loads.filter(({ flags }) => (flags & PF.X) !== 0);
  const starts = Float64Array.from(loads, ({ vaddr }) => Number(vaddr));
  let low = 0;
  let high = 0;
  return (start, end) => {
    if (start >= low && end <= high) return true;
    const load = loads[upperBound(starts, start) - 1];
    if (load === undefined || !Number.isSafeInteger(end)) return false;
    low = Number(load.vaddr);
    high = low + load.memsz;
    return start >= low && end <= high;
  };
}
