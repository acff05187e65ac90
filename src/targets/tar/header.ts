// SPDX-License-Identifier: MIT
/**
 * The header block of a member: POSIX.1-2001 "ustar", and what GNU tar, star and the tar of Unix version 7 have in its
 * place (GNU tar manual, "Basic Tar Format").
 */

import type { Owner } from "../../host/file-view.js";
import { decodeName } from "../../host/names.js";

export const blockBytes = 512;

export interface Header {
  readonly name: string;
  readonly linkName: string;
  /** One character, "0" also for the NUL of old archives. */
  readonly type: string;
  readonly permissions: number;
  readonly owner: Owner;
  /** Of what follows the header. */
  readonly sizeBytes: number;
  /** Seconds since 1970. */
  readonly modifiedSeconds: number;
  readonly isGnu: boolean;
  readonly block: Buffer;
}

/** As text for a message. */
export class TarFault extends Error {
  override readonly name = "TarFault";
}

const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
} as const satisfies Record<string, readonly [offset: number, sizeBytes: number]>;

type FieldName = keyof typeof fields;

/** star writes times into the end of the prefix, and this at the end of the block. */
const starMark = { offset: 508, text: "tar\0", prefixBytes: 131 } as const;
const spaces = 8 * 0x20;

/** Throws `TarFault` for what is no header. */
export function parseHeader(block: Buffer): Header {
  checkSum(block);
  const magic = field(block, "magic").toString("latin1");
  const isGnu = magic === "ustar  \0";
  const name = textOf(field(block, "name"));
  const prefix = magic.startsWith("ustar\0") ? prefixOf(block) : "";
  const type = textOf(field(block, "type"));
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    linkName: textOf(field(block, "linkName")),
    type: type === "" ? "0" : type,
    permissions: numberOf(block, "mode") & 0o7777,
    owner: { uid: idOf(block, "uid"), gid: idOf(block, "gid") },
    sizeBytes: sizeOf(numberOf(block, "size")),
    modifiedSeconds: numberOf(block, "mtime"),
    isGnu,
    block,
  };
}

/** The numbers of a device. */
export function deviceOf({ block }: Header): { readonly major: number; readonly minor: number } {
  return { major: numberOf(block, "major"), minor: numberOf(block, "minor") };
}

export function sizeOf(value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new TarFault(`a member has ${value} bytes`);
}

export function checkId(value: number): number {
  if (Number.isInteger(value) && value >= 0 && value < 0xffffffff) return value;
  throw new TarFault(`a member belongs to the user or group ${value}`);
}

function idOf(block: Buffer, name: "uid" | "gid"): number {
  return checkId(numberOf(block, name));
}

/** Some old writers added the bytes up as signed ones. */
function checkSum(block: Buffer): void {
  const [offset, sizeBytes] = fields.checksum;
  let sum = spaces;
  let signed = spaces;
  for (const [index, byte] of block.entries()) {
    if (index >= offset && index < offset + sizeBytes) continue;
    sum += byte;
    signed += byte < 128 ? byte : byte - 256;
  }
  const noted = numberOf(block, "checksum");
  if (noted !== sum && noted !== signed) throw new TarFault("a header's checksum is wrong, or it is none");
}

function prefixOf(block: Buffer): string {
  const { offset, text, prefixBytes } = starMark;
  const prefix = field(block, "prefix");
  const isStar = block.toString("latin1", offset) === text;
  return textOf(isStar ? prefix.subarray(0, prefixBytes) : prefix);
}

function field(block: Buffer, name: FieldName): Buffer {
  const [offset, sizeBytes] = fields[name];
  return block.subarray(offset, offset + sizeBytes);
}

function numberOf(block: Buffer, name: FieldName): number {
  return parseNumber(field(block, name));
}

/** To the NUL. */
export function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return decodeName(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Octal digits; or, with the highest bit set, a binary number in two's complement, highest byte first. */
export function parseNumber(bytes: Buffer): number {
  const first = bytes[0] ?? 0;
  if ((first & 0x80) === 0) {
    const digits = bytes
      .toString("latin1")
      .replace(/^[ \0]+/, "")
      .replace(/[ \0].*$/s, "");
    if (/^[0-7]*$/.test(digits)) return digits === "" ? 0 : Number.parseInt(digits, 8);
    throw new TarFault(`a header has ${JSON.stringify(digits)} where a number belongs`);
  }
  const isNegative = (first & 0x40) !== 0;
  let value = BigInt(isNegative ? first | 0x80 : first & 0x7f);
  for (const byte of bytes.subarray(1)) value = (value << 8n) | BigInt(byte);
  return Number(BigInt.asIntN(8 * bytes.length, value));
}
