// SPDX-License-Identifier: MIT
/**
 * File names are bytes, and here they are text: UTF-8, in which each byte that is none stands as the surrogate U+DC80 to
 * U+DCFF that Python's "surrogateescape" has for it (PEP 383). What was read is what is written.
 */

/** Of what is not ASCII every sequence of UTF-8 (RFC 3629, section 4), or one byte that begins none. */
const sequences =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;
const escapes = 0xdc00;
const escapedByte = /[\udc80-\udcff]/u;

export function decodeName(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = buffer.toString("utf8");
  if (!text.includes("\ufffd")) return text;
  return buffer.toString("latin1").replace(sequences, (sequence) => {
    const isEscaped = sequence.length === 1;
    return isEscaped
      ? String.fromCharCode(escapes + sequence.charCodeAt(0))
      : Buffer.from(sequence, "latin1").toString("utf8");
  });
}

export function encodeName(name: string): Buffer {
  if (!escapedByte.test(name)) return Buffer.from(name);
  const parts = Array.from(name, (character) =>
    escapedByte.test(character) ? Buffer.of(character.charCodeAt(0) - escapes) : Buffer.from(character),
  );
  return Buffer.concat(parts);
}
