// SPDX-License-Identifier: MIT
/**
 * Files with holes: only their other bytes are in the archive, and a map says where they belong. GNU tar has a type of
 * member for them, and three forms of pax headers (GNU tar manual, "Storing Sparse Files").
 */
import type { ByteSource } from "./bytes.js";
import { blockBytes, type Header, parseNumber, sizeOf, TarFault } from "./header.js";
import type { PaxRecord } from "./records.js";

export interface Region {
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface SparseMap {
  readonly regions: readonly Region[];
  /** With the holes. */
  readonly fileBytes: number;
  /** Of what follows the header, the map's own. */
  readonly mapBytes: number;
}

/** As much as a map may take of an archive. */
const longestMapBytes = 1 << 24;
const entryBytes = 24;
const oldMap = { offset: 386, entries: 4, isExtended: 482, fileBytes: 483 } as const;
const oldExtension = { entries: 21, isExtended: 504 } as const;

/** The map of a member of type "S", which goes on in blocks behind its header. */
export async function readOldMap({ block, isGnu }: Header, source: ByteSource): Promise<SparseMap> {
  if (!isGnu) throw new TarFault("a file with holes is in no form that GNU tar has");
  const numbers = entriesOf(block, oldMap.offset, oldMap.entries);
  let isExtended = block[oldMap.isExtended] !== 0;
  while (isExtended) {
    const next = await source.take(blockBytes);
    if (next.length < blockBytes || numbers.length * entryBytes > longestMapBytes) throw brokenOff();
    numbers.push(...entriesOf(next, 0, oldExtension.entries));
    isExtended = next[oldExtension.isExtended] !== 0;
  }
  const fileBytes = sizeOf(parseNumber(block.subarray(oldMap.fileBytes, oldMap.fileBytes + 12)));
  return { regions: pairs(numbers), fileBytes, mapBytes: 0 };
}

function entriesOf(block: Buffer, start: number, count: number): number[] {
  const numbers: number[] = [];
  for (let at = start; at < start + count * entryBytes; at += entryBytes) {
    // The first one that is empty is behind the last.
    if (block[at] === 0 || block[at + 12] === 0) break;
    numbers.push(parseNumber(block.subarray(at, at + 12)), parseNumber(block.subarray(at + 12, at + 24)));
  }
  return numbers;
}

/** The map that pax records say; of version 1.0 the front of the member's data is read. Undefined without one. */
export async function readPaxMap(
  records: readonly PaxRecord[],
  source: ByteSource,
): Promise<SparseMap | undefined> {
  const last = (key: string) => records.findLast((record) => record.key === `GNU.sparse.${key}`)?.value;
  const fileBytes = () => decimal(last("realsize") ?? last("size"));
  const version = `${last("major")?.toString() ?? "0"}.${last("minor")?.toString() ?? "0"}`;
  if (version === "1.0") {
    const { numbers, mapBytes } = await readMapInFront(source);
    return { regions: pairs(numbers), fileBytes: fileBytes(), mapBytes };
  }
  if (version !== "0.0" && version !== "0.1") throw new TarFault(`a file with holes is in form ${version}`);
  const map = last("map");
  if (map !== undefined) {
    const numbers = map.length === 0 ? [] : map.toString("latin1").split(",").map(decimalOf);
    return { regions: pairs(numbers), fileBytes: fileBytes(), mapBytes: 0 };
  }
  const single = records.filter(({ key }) => /^GNU\.sparse\.(?:offset|numbytes)$/.test(key));
  if (single.length === 0 && last("size") === undefined) {
    if (!records.some(({ key }) => key === "SUN.holesdata" || key === "SCHILY.realsize")) return undefined;
    throw new TarFault("a file with holes is in the form of Solaris or star");
  }
  return { regions: pairs(single.map(({ value }) => decimal(value))), fileBytes: fileBytes(), mapBytes: 0 };
}

/** Decimal numbers, a line each: how many regions there are, then offset and size of each; filled up to a block. */
async function readMapInFront(
  source: ByteSource,
): Promise<{ readonly numbers: readonly number[]; readonly mapBytes: number }> {
  const numbers: number[] = [];
  let mapBytes = 0;
  let rest = "";
  while (numbers.length === 0 || numbers.length < 1 + 2 * (numbers[0] ?? 0)) {
    const block = await source.take(blockBytes);
    mapBytes += blockBytes;
    if (block.length < blockBytes || mapBytes > longestMapBytes) throw brokenOff();
    const lines = (rest + block.toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    const wanted = () => 1 + 2 * (numbers[0] ?? 0);
    for (const line of lines) if (numbers.length < wanted()) numbers.push(decimalOf(line));
  }
  return { numbers: numbers.slice(1), mapBytes };
}

function decimal(value: Buffer | undefined): number {
  return decimalOf(value?.toString("latin1") ?? "");
}

function decimalOf(text: string): number {
  if (!/^\d{1,16}$/.test(text)) throw new TarFault(`the map of a file has ${JSON.stringify(text)} in it`);
  return sizeOf(Number(text));
}

function pairs(numbers: readonly number[]): readonly Region[] {
  if (numbers.length % 2 !== 0) throw brokenOff();
  const regions: Region[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    regions.push({ offset: numbers[at] ?? 0, sizeBytes: numbers[at + 1] ?? 0 });
  }
  return regions;
}

/** That the regions follow each other within the file, and have the bytes that there are. */
export function checkMap({ regions, fileBytes, mapBytes }: SparseMap, storedBytes: number): void {
  let end = 0;
  let sum = mapBytes;
  for (const { offset, sizeBytes } of regions) {
    if (offset < end || offset + sizeBytes > fileBytes) {
      throw new TarFault("the map of a file has a place twice, or one outside it");
    }
    end = offset + sizeBytes;
    sum += sizeBytes;
  }
  if (sum === storedBytes) return;
  throw new TarFault(`the map of a file has ${sum} bytes, and the archive has ${storedBytes} of it`);
}

function brokenOff(): TarFault {
  return new TarFault("the map of a file breaks off");
}
