// SPDX-License-Identifier: MIT
/**
 * Reads tar archives as the tools read them that unpack container images and Debian packages: GNU's and POSIX's forms,
 * with long names, extended attributes and files with holes. What is of a type that is not known is refused.
 */
import type { Owner } from "../../host/file-view.js";
import { decodeName } from "../../host/names.js";
import { ByteSource } from "./bytes.js";
import {
  blockBytes,
  checkId,
  deviceOf,
  type Header,
  parseHeader,
  sizeOf,
  TarFault,
  textOf,
} from "./header.js";
import { attributesOf, type PaxRecord, parseRecords } from "./records.js";
import { checkMap, type Region, readOldMap, readPaxMap } from "./sparse.js";

const kinds = {
  "0": "file",
  "7": "file",
  S: "file",
  "1": "link",
  "2": "symlink",
  "3": "characterDevice",
  "4": "blockDevice",
  "5": "directory",
  "6": "fifo",
} as const;

export type MemberKind = (typeof kinds)[keyof typeof kinds];

export interface TarMember {
  readonly name: string;
  readonly kind: MemberKind;
  readonly permissions: number;
  readonly owner: Owner;
  /** Of a file, with its holes. */
  readonly sizeBytes: number;
  readonly modifiedSeconds: number;
  /** Of both kinds of links. */
  readonly linkName: string;
  readonly device?: { readonly major: number; readonly minor: number };
  readonly attributes: ReadonlyMap<string, Buffer>;
  /** Of a file, but for the holes; to be taken before the next member is. */
  readonly pieces: AsyncIterable<Piece>;
}

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Of names and attributes. */
const longestSpecialBytes = 1 << 20;

/** What stands in front of a member about it. */
interface Preface {
  readonly records: readonly PaxRecord[];
  readonly longName?: string;
  readonly longLink?: string;
}

/** Throws `TarFault` with the reason where it is no archive, breaks off, or has what cannot be unpacked. */
export async function* readTar(archive: AsyncIterable<unknown>): AsyncGenerator<TarMember> {
  const source = new ByteSource(archive);
  try {
    let preface: Preface = { records: [] };
    for (;;) {
      const header = await nextHeader(source);
      if (header === undefined) break;
      const special = await readSpecial(header, source);
      if (special !== undefined) {
        preface = { ...preface, ...special };
        continue;
      }
      yield* memberOf(header, preface, source);
      preface = { records: [] };
    }
    await source.drain();
  } finally {
    await source.close();
  }
}

/** Undefined behind the last: two blocks of zeros, or the end of an archive that has none. */
async function nextHeader(source: ByteSource): Promise<Header | undefined> {
  const block = await source.take(blockBytes);
  if (block.length === 0) return undefined;
  if (block.length < blockBytes) throw new TarFault("it breaks off in a header");
  if (!isZero(block)) return parseHeader(block);
  const second = await source.take(blockBytes);
  if (isZero(second)) return undefined;
  throw new TarFault("a single block of zeros is where a header belongs");
}

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

/** Of a member that says something about the next one. What is said about all of them, Docker passes over as well. */
async function readSpecial(header: Header, source: ByteSource): Promise<Partial<Preface> | undefined> {
  switch (header.type) {
    case "x":
    case "X":
      return { records: parseRecords(await readWhole(header, source)) };
    case "L":
      return { longName: textOf(await readWhole(header, source)) };
    case "K":
      return { longLink: textOf(await readWhole(header, source)) };
    case "g":
    case "V": // the label of a volume
      await readWhole(header, source);
      return {};
    default:
      return undefined;
  }
}

async function readWhole({ sizeBytes, name }: Header, source: ByteSource): Promise<Buffer> {
  if (sizeBytes > longestSpecialBytes) throw new TarFault(`${JSON.stringify(name)} has ${sizeBytes} bytes`);
  const bytes = await source.take(padded(sizeBytes));
  if (bytes.length < sizeBytes) throw brokenOff(name);
  return bytes.subarray(0, sizeBytes);
}

function padded(sizeBytes: number): number {
  return Math.ceil(sizeBytes / blockBytes) * blockBytes;
}

async function* memberOf(
  plain: Header,
  { records, longName, longLink }: Preface,
  source: ByteSource,
): AsyncGenerator<TarMember> {
  const last = (key: string) => {
    const value = records.findLast((record) => record.key === key)?.value;
    return value === undefined || value.length === 0 ? undefined : value;
  };
  const text = (key: string) => {
    const value = last(key);
    return value && decodeName(value);
  };
  const number = (key: string) => {
    const value = last(key);
    return value && decimalOf(value, key);
  };
  const { uid, gid } = plain.owner;
  const header: Header = {
    ...plain,
    name: longName ?? text("GNU.sparse.name") ?? text("path") ?? plain.name,
    linkName: longLink ?? text("linkpath") ?? plain.linkName,
    owner: { uid: checkId(number("uid") ?? uid), gid: checkId(number("gid") ?? gid) },
    sizeBytes: sizeOf(number("size") ?? plain.sizeBytes),
    modifiedSeconds: number("mtime") ?? plain.modifiedSeconds,
  };
  const kind = kindOf(header);
  const { name, linkName, permissions, owner, modifiedSeconds } = header;
  const common = { name, kind, linkName, permissions, owner, modifiedSeconds };
  const attributes = attributesOf(records);
  if (kind !== "file") {
    // Whatever size such a header says, nothing of it follows.
    const isDevice = kind === "characterDevice" || kind === "blockDevice";
    const device = isDevice ? { device: deviceOf(plain) } : {};
    yield { ...common, ...device, attributes, sizeBytes: 0, pieces: noPieces() };
    return;
  }
  const map = header.type === "S" ? await readOldMap(plain, source) : await readPaxMap(records, source);
  const { regions, fileBytes, mapBytes } = map ?? {
    regions: [{ offset: 0, sizeBytes: header.sizeBytes }],
    fileBytes: header.sizeBytes,
    mapBytes: 0,
  };
  if (map !== undefined) checkMap(map, header.sizeBytes);
  const data = new MemberData(source, header.name, header.sizeBytes - mapBytes);
  yield { ...common, attributes, sizeBytes: fileBytes, pieces: data.pieces(regions) };
  await data.skip();
}

/** Throws `TarFault` for what would be lost otherwise. */
function kindOf({ type, name }: Header): MemberKind {
  const kind = Object.hasOwn(kinds, type) ? kinds[type as keyof typeof kinds] : undefined;
  if (kind === undefined) {
    throw new TarFault(`its member ${JSON.stringify(name)} is of the type ${JSON.stringify(type)}`);
  }
  return kind === "file" && name.endsWith("/") ? "directory" : kind;
}

function decimalOf(value: Buffer, key: string): number {
  const text = value.toString("latin1");
  if (/^-?\d{1,16}(?:\.\d*)?$/.test(text)) return Number(text);
  throw new TarFault(`a pax header has ${JSON.stringify(text)} for ${key}`);
}

async function* noPieces(): AsyncGenerator<Piece> {
  // Nothing is there.
}

/** What the archive has of a file; in the end all of it is taken. */
class MemberData {
  #left: number;

  constructor(
    private readonly source: ByteSource,
    private readonly name: string,
    private readonly sizeBytes: number,
  ) {
    this.#left = sizeBytes;
  }

  async *pieces(regions: readonly Region[]): AsyncGenerator<Piece> {
    for (const { offset, sizeBytes } of regions) {
      let at = offset;
      while (at < offset + sizeBytes) {
        const bytes = await this.#some(offset + sizeBytes - at);
        yield { offset: at, bytes };
        at += bytes.length;
      }
    }
  }

  async skip(): Promise<void> {
    while (this.#left > 0) await this.#some(this.#left);
    const padding = padded(this.sizeBytes) - this.sizeBytes;
    await this.source.take(padding);
  }

  async #some(mostBytes: number): Promise<Uint8Array> {
    const bytes = await this.source.some(mostBytes);
    if (bytes === undefined) throw brokenOff(this.name);
    this.#left -= bytes.length;
    return bytes;
  }
}

function brokenOff(name: string): TarFault {
  return new TarFault(`it breaks off in its member ${JSON.stringify(name)}`);
}
