// SPDX-License-Identifier: MIT
/** What kind of input a file is, told from its first bytes: names can mislead. */

export type InputKind = "elf" | "archive" | "text" | "empty" | "other";

const sampleSizeBytes = 8192;

/** An archive may be thin. Text has no control characters but white space. */
export function identifyInput(bytes: Uint8Array): InputKind {
  if (bytes.length === 0) return "empty";
  const sample = bytes.subarray(0, sampleSizeBytes);
  const start = String.fromCharCode(...sample.subarray(0, 8));
  if (start.startsWith("\x7fELF")) return "elf";
  if (start === "!<arch>\n" || start === "!<thin>\n") return "archive";
  return sample.every(isTextByte) ? "text" : "other";
}

/** What clang -flto makes in place of an object: LLVM bitcode, bare or in its wrapper (LLVM, "Bitcode File Format"). */
export function isBitcode(bytes: Uint8Array): boolean {
  const start = String.fromCharCode(...bytes.subarray(0, 4));
  return start === "BC\xc0\xde" || start === "\xde\xc0\x17\x0b";
}

/** Printable, a byte of a character beyond ASCII, or one of \t \n \v \f \r. */
function isTextByte(byte: number): boolean {
  return (byte >= 0x20 && byte !== 0x7f) || (byte >= 0x09 && byte <= 0x0d);
}
