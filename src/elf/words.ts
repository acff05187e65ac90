// SPDX-License-Identifier: MIT
/** Tables whose records are words throughout, read without a call for each: for those of which there are many. */

/** A view of the bytes, or of a copy where they are not aligned. Little-endian, as all machines are that this runs on. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Uint32Array(buffer, byteOffset, Math.floor(length / 4));
}
