// SPDX-License-Identifier: MIT
/** The records of a pax header: `LENGTH KEY=VALUE\n` each, in which a value may have any bytes (POSIX.1-2001, pax). */
import { TarFault } from "./header.js";

export interface PaxRecord {
  readonly key: string;
  readonly value: Buffer;
}

/** In their order, in which a key may come again. Throws `TarFault`. */
export function parseRecords(bytes: Buffer): readonly PaxRecord[] {
  const records: PaxRecord[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const [head = "", digits = ""] = /^ *([1-9]\d{0,8}) /.exec(rest.toString("latin1", 0, 24)) ?? [];
    const end = Number(digits) - 1;
    const equals = rest.indexOf("=");
    if (head === "" || rest[end] !== 0x0a || equals <= head.length || equals > end) {
      // What is behind the last record is zeros, where it is anything.
      if (rest.every((byte) => byte === 0)) break;
      throw new TarFault("a pax header has a record that is none");
    }
    records.push({ key: rest.toString("utf8", head.length, equals), value: rest.subarray(equals + 1, end) });
    rest = rest.subarray(end + 1);
  }
  return records;
}

const schily = "SCHILY.xattr.";
const libarchive = "LIBARCHIVE.xattr.";

/** The extended attributes of a member, as star, GNU tar and Go write them, and as libarchive does. */
export function attributesOf(records: readonly PaxRecord[]): ReadonlyMap<string, Buffer> {
  const attributes = new Map<string, Buffer>();
  for (const { key, value } of records) {
    // libarchive writes both, of which the other can only say what is text.
    if (key.startsWith(libarchive))
      attributes.set(unescaped(key.slice(libarchive.length)), fromBase64(value));
    else if (key.startsWith(schily) && !attributes.has(key.slice(schily.length)))
      attributes.set(key.slice(schily.length), Buffer.from(value));
  }
  return attributes;
}

function unescaped(name: string): string {
  return name.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function fromBase64(value: Buffer): Buffer {
  return Buffer.from(value.toString("latin1"), "base64");
}
