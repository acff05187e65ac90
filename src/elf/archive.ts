// SPDX-License-Identifier: MIT
/**
 * Archives of object files (`ar`), in the System V/GNU form that binutils and LLVM write on Linux.
 *
 * `!<arch>\n`, then members on even offsets, each behind a header of 60 characters. Two members without
 * a file come first: `/` or `/SYM64/`, the index of symbols, and `//`, the names too long for a header.
 */
import { hex, malformed } from "./malformed.js";

interface ArchiveMember {
  readonly name: string;
  /** Not copied. Of a thin archive none: the member is the file of that name, seen from the archive's directory. */
  readonly bytes: Uint8Array;
  /** Of the member's header in the archive, in bytes. Tells members of one name apart. */
  readonly offset: number;
}

export interface Archive {
  readonly path: string;
  /** Whether it has only the names of its members. */
  readonly isThin: boolean;
  /** The files, in the order of the archive, which is the linker's search order. */
  readonly members: readonly ArchiveMember[];
  /**
   * The index of symbols, in its order: who defines what. A name may be there more than once; a linker
   * takes the first. Empty for an archive made without `s`.
   */
  readonly symbols: readonly { readonly name: string; readonly member: ArchiveMember }[];
}

const magic = "!<arch>\n";
const thinMagic = "!<thin>\n";
const headerSize = 60;
/** Of the members that are not files. */
const tableNames = new Set(["/", "/SYM64/", "//"]);
/** PATH_MAX of Linux. */
const nameSizeLimit = 4096;

/** Reads an archive, which `path` names in messages. Throws UKL-211. */
export function readArchive(content: Uint8Array, path: string): Archive {
  // A view made once, because an index has tens of thousands of names.
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const start = text(bytes, 0, magic.length);
  const isThin = start === thinMagic;
  if (!isThin && start !== magic) throw malformed("UKL-211", path, `it does not start with "!<arch>"`);
  const entries = readEntries(bytes, path, isThin);
  const longNames = entries.find(({ rawName }) => rawName === "//")?.bytes;
  const members = entries
    .filter(({ rawName }) => !tableNames.has(rawName))
    .map(({ rawName, bytes: content, offset }) => {
      return { name: memberName(rawName, longNames, path), bytes: content, offset };
    });
  const index = entries.find(({ rawName }) => rawName === "/" || rawName === "/SYM64/");
  return { path, isThin, members, symbols: index === undefined ? [] : readIndex(index, members, path) };
}

interface Entry {
  readonly rawName: string;
  readonly bytes: Buffer;
  readonly offset: number;
}

/** ar_hdr: name in 16 characters, date 12, uid 6, gid 6, mode 8, size 10 (decimal), "`\n". */
function readEntries(bytes: Buffer, path: string, isThin: boolean): readonly Entry[] {
  const entries: Entry[] = [];
  let offset = magic.length;
  while (offset < bytes.length) {
    const where = `the member header at ${offset}`;
    if (offset + headerSize > bytes.length) throw malformed("UKL-211", path, `it ends inside ${where}`);
    const rawName = text(bytes, offset, 16).trimEnd();
    const sizeText = text(bytes, offset + 48, 10).trimEnd();
    if (text(bytes, offset + 58, 2) !== "`\n" || !/^[0-9]{1,10}$/.test(sizeText)) {
      throw malformed("UKL-211", path, `there is no member header at ${offset}`);
    }
    const start = offset + headerSize;
    const isElsewhere = isThin && !tableNames.has(rawName);
    const end = start + (isElsewhere ? 0 : Number(sizeText));
    if (end > bytes.length) {
      throw malformed(
        "UKL-211",
        path,
        `${where} is of ${sizeText} bytes, but ${bytes.length - start} are left`,
      );
    }
    entries.push({ rawName, bytes: bytes.subarray(start, end), offset });
    offset = end + (end % 2);
  }
  return entries;
}

/** "name/", or "/123" for a name at an offset in the member of long names, which ends with "/\n". */
function memberName(rawName: string, longNames: Buffer | undefined, path: string): string {
  if (/^\/[0-9]+$/.test(rawName)) {
    const at = Number(rawName.slice(1));
    const longName = longNames?.subarray(at, at + nameSizeLimit);
    const size = longName?.indexOf(0x0a) ?? -1;
    if (longName === undefined || size < 0) {
      throw malformed("UKL-211", path, `a member has its name at ${at} of the long names, where none is`);
    }
    return text(longName, 0, size).replace(/\/$/, "");
  }
  if (rawName.startsWith("#1/")) {
    throw malformed("UKL-211", path, "it is in the BSD form, which no Linux linker writes");
  }
  if (rawName === "" || rawName === "/") throw malformed("UKL-211", path, "a member has no name");
  return rawName.replace(/\/$/, "");
}

/** Big-endian: count, offset of a member header for each symbol, then the names, each with a NUL. */
function readIndex(index: Entry, members: readonly ArchiveMember[], path: string): Archive["symbols"] {
  const { bytes } = index;
  const wordSize = index.rawName === "/" ? 4 : 8;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number) => (wordSize === 4 ? view.getUint32(at) : Number(view.getBigUint64(at)));
  const count = bytes.length < wordSize ? 0 : word(0);
  if ((count + 1) * wordSize > bytes.length) {
    throw malformed("UKL-211", path, `its index claims ${count} symbols in ${bytes.length} bytes`);
  }
  const memberAt = new Map(members.map((member) => [member.offset, member]));
  const symbols: { name: string; member: ArchiveMember }[] = [];
  let nameAt = (count + 1) * wordSize;
  for (let symbol = 0; symbol < count; symbol++) {
    const offset = word((symbol + 1) * wordSize);
    const member = memberAt.get(offset);
    const nameEnd = bytes.indexOf(0, nameAt);
    if (member === undefined || nameEnd < 0) {
      throw malformed("UKL-211", path, `symbol ${symbol} of its index is in no member (${hex(offset)})`);
    }
    symbols.push({ name: text(bytes, nameAt, nameEnd - nameAt), member });
    nameAt = nameEnd + 1;
  }
  return symbols;
}

function text(bytes: Buffer, at: number, size: number): string {
  return bytes.toString("utf8", at, Math.min(at + size, bytes.length));
}
