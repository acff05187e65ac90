// SPDX-License-Identifier: MIT
/**
 * String tables (gABI chapter 4, "String Table"), read lazily.
 *
 * Strings may overlap, so a small hostile table can stand for gigabytes of names. What one table may
 * decode to is therefore limited; linkers share only equal strings and common endings, and stay far below.
 */
import { isAscii, isUtf8 } from "node:buffer";
import { once } from "./lazy.js";
import { malformed } from "./malformed.js";
import { hashName, mixed } from "./symbol-names.js";

const shareLimit = 16;
const freeBytes = 1024 * 1024;
/** The text of a larger table is not kept beside its bytes. */
const mostTextBytes = 1024 * 1024;

export class StringTable {
  readonly #bytes: Buffer;
  /** All of it, when that is plain text: names are then parts of it, which take no decoding. */
  readonly #text: () => string | undefined;
  #remainingBytes: number;

  /** Throws UKL-208 when the last string has no end. */
  constructor(
    bytes: Uint8Array,
    readonly path: string,
    readonly where: string,
  ) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isPlain = () => this.#bytes.length <= mostTextBytes && isAscii(this.#bytes);
    this.#text = once(() => (isPlain() ? this.#bytes.toString("latin1") : undefined));
    this.#remainingBytes = bytes.length * shareLimit + freeBytes;
    if (bytes.length > 0 && bytes[bytes.length - 1] !== 0) {
      throw malformed("UKL-208", path, `${where} does not end with a NUL byte`);
    }
  }

  /** The string that starts at `offset`. Throws UKL-208. */
  at(offset: number): string {
    if (this.#isNone(offset)) return "";
    const text = this.#text();
    const end = text === undefined ? this.#bytes.indexOf(0, offset) : text.indexOf("\0", offset);
    this.#spend(end - offset);
    return text === undefined ? decodeName(this.#bytes.subarray(offset, end)) : text.slice(offset, end);
  }

  /** The hash of the same string (./symbol-names.ts). Throws UKL-208. */
  hashAt(offset: number): number {
    if (this.#isNone(offset)) return 0;
    const bytes = this.#bytes;
    let hash = 0;
    let at = offset;
    let isPlain = true;
    for (let byte = bytes[at] as number; byte !== 0; byte = bytes[++at] as number) {
      hash = mixed(hash, byte);
      isPlain &&= byte < 0x80;
    }
    this.#spend(at - offset);
    return isPlain ? hash : hashName(decodeName(bytes.subarray(offset, at)));
  }

  /** Whether it is the one name of an empty table. Throws UKL-208 when there is no string. */
  #isNone(offset: number): boolean {
    if (offset < this.#bytes.length) return false;
    if (offset === 0) return true;
    throw malformed(
      "UKL-208",
      this.path,
      `a name is at offset ${offset} of ${this.where}, which has ${this.#bytes.length} bytes`,
    );
  }

  #spend(bytes: number): void {
    this.#remainingBytes -= bytes;
    if (this.#remainingBytes >= 0) return;
    throw malformed("UKL-208", this.path, `the names in ${this.where} overlap to an absurd total size`);
  }
}

/** Names are bytes. Of one that is no UTF-8, those beyond ASCII are written as `\xe9`: so it stays apart from others. */
function decodeName(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  return bytes
    .toString("latin1")
    .replace(/[\x80-\xff]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`);
}
