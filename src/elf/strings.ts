// SPDX-License-Identifier: MIT
/**
 * String tables (gABI chapter 4, "String Table"), read lazily.
 *
 * Strings may overlap, so a small hostile table can stand for gigabytes of names. What one table may
 * decode to is therefore limited; linkers share only equal strings and common endings, and stay far below.
 */
import { isAscii } from "node:buffer";
import { malformed } from "./malformed.js";

const shareLimit = 16;
const freeBytes = 1024 * 1024;
/** In place of a text that has to be decoded name by name. */
const notPlain = "";

export class StringTable {
  readonly #bytes: Buffer;
  /** All of it, when that is plain text: names are then parts of it, which take no decoding. */
  #text: string | undefined;
  #remainingBytes: number;

  /** Throws UKL-208 when the last string has no end. */
  constructor(
    bytes: Uint8Array,
    readonly path: string,
    readonly where: string,
  ) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#remainingBytes = bytes.length * shareLimit + freeBytes;
    if (bytes.length > 0 && bytes[bytes.length - 1] !== 0) {
      throw malformed("UKL-208", path, `${where} does not end with a NUL byte`);
    }
  }

  /** The string that starts at `offset`. Throws UKL-208. */
  at(offset: number): string {
    if (offset === 0 && this.#bytes.length === 0) return "";
    if (offset >= this.#bytes.length) {
      throw malformed(
        "UKL-208",
        this.path,
        `a name is at offset ${offset} of ${this.where}, which has ${this.#bytes.length} bytes`,
      );
    }
    this.#text ??= isAscii(this.#bytes) ? this.#bytes.toString("latin1") : notPlain;
    const text = this.#text;
    const end = text === notPlain ? this.#bytes.indexOf(0, offset) : text.indexOf("\0", offset);
    this.#remainingBytes -= end - offset;
    if (this.#remainingBytes < 0) {
      throw malformed("UKL-208", this.path, `the names in ${this.where} overlap to an absurd total size`);
    }
    return text === notPlain ? this.#bytes.toString("utf8", offset, end) : text.slice(offset, end);
  }
}
