// SPDX-License-Identifier: MIT
/**
 * Bounds-checked little-endian reads from one region of a file: a section, a segment, a table.
 *
 * Addresses are bigint, because kernel addresses do not fit a double. Sizes and offsets are numbers, and
 * a value that a double cannot hold exactly is refused rather than rounded.
 */
import { malformed } from "./malformed.js";

export class Fields {
  readonly #view: DataView;

  /** `where` names the region in messages, for example "section .dynsym". */
  constructor(
    readonly bytes: Uint8Array,
    readonly path: string,
    readonly where: string,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  u8(at: number): number {
    this.#check(at, 1);
    return this.#view.getUint8(at);
  }

  u16(at: number): number {
    this.#check(at, 2);
    return this.#view.getUint16(at, true);
  }

  u32(at: number): number {
    this.#check(at, 4);
    return this.#view.getUint32(at, true);
  }

  u64(at: number): bigint {
    this.#check(at, 8);
    return this.#view.getBigUint64(at, true);
  }

  i64(at: number): bigint {
    this.#check(at, 8);
    return this.#view.getBigInt64(at, true);
  }

  /** A 64-bit size or offset as a number. Throws UKL-208 when it is not below 2^53. */
  size(at: number, what: string): number {
    const value = this.u32(at) + this.u32(at + 4) * 2 ** 32;
    if (Number.isSafeInteger(value)) return value;
    throw malformed(
      "UKL-208",
      this.path,
      `${what} of ${this.where} is about 2^${Math.log2(value).toFixed(0)}`,
    );
  }

  /** `size` bytes from `at`, not copied. Throws UKL-208 when they are not all inside the region. */
  slice(at: number, size: number): Uint8Array {
    this.#check(at, size);
    return this.bytes.subarray(at, at + size);
  }

  #check(at: number, size: number): void {
    if (at >= 0 && at + size <= this.bytes.length) return;
    throw malformed(
      "UKL-208",
      this.path,
      `${this.where} has ${this.bytes.length} bytes, but ${size} are needed at its offset ${at}`,
    );
  }
}
