// SPDX-License-Identifier: MIT
/**
 * What follows an x86-64 opcode, for each of the two opcode maps that differ from byte to byte (Intel SDM volume 2,
 * appendix A, tables ). The maps 0F 38 and 0F 3A are uniform: a ModRM byte, in the second an imm8 too.
 *
 * Letters: `n` nothing · `m` ModRM · `b` imm8 · `w` imm16 · `z` imm32, or imm16 with prefix 66 · `v` the same, or imm64
 * with REX.W · `B`, `Z` ModRM and imm8 or z · `T`, `U` ModRM, and imm8 or z in the forms /0 and /1 · `o` an 8-byte
 * address · `e` imm16 and imm8 · `j` rel8 · `J` rel32 · `p` prefix · `r` REX · `2` two-byte map · `3`, `5` VEX ·
 * `E` EVEX · `X` POP or XOP · `8`, `A` the maps 0F 38 and 0F 3A · `x` invalid.
 */
const oneByteRows = [
  "mmmmbzxxmmmmbzx2",
  "mmmmbzxxmmmmbzxx",
  "mmmmbzpxmmmmbzpx",
  "mmmmbzpxmmmmbzpx",
  "rrrrrrrrrrrrrrrr",
  "nnnnnnnnnnnnnnnn",
  "xxEmppppzZbBnnnn",
  "jjjjjjjjjjjjjjjj",
  "BZxBmmmmmmmmmmmX",
  "nnnnnnnnnnxnnnnn",
  "oooonnnnbznnnnnn",
  "bbbbbbbbvvvvvvvv",
  "BBwn35BZenwnnbxn",
  "mmmmxxxnmmmmmmmm",
  "jjjjbbbbJJxjnnnn",
  "pnppnnTUnnnnnnmm",
];

const twoByteRows = [
  "mmmmxnnnnnxnxmnB",
  "mmmmmmmmmmmmmmmm",
  "mmmmxxxxmmmmmmmm",
  "nnnnnnxn8xAxxxxx",
  "mmmmmmmmmmmmmmmm",
  "mmmmmmmmmmmmmmmm",
  "mmmmmmmmmmmmmmmm",
  "BBBBmmmnmmmmmmmm",
  "JJJJJJJJJJJJJJJJ",
  "mmmmmmmmmmmmmmmm",
  "nnnmBmmmnnnmBmmm",
  "mmmmmmmmmmBmmmmm",
  "mmBmBBBmnnnnnnnn",
  "mmmmmmmmmmmmmmmm",
  "mmmmmmmmmmmmmmmm",
  "mmmmmmmmmmmmmmmm",
];

/** The letters as character codes, by opcode. */
export const oneByteMap = Uint8Array.from(oneByteRows.join(""), (letter) => letter.charCodeAt(0));
export const twoByteMap = Uint8Array.from(twoByteRows.join(""), (letter) => letter.charCodeAt(0));

/** A letter's character code, to compare with. */
export const form = {
  nothing: 0x6e,
  modrm: 0x6d,
  imm8: 0x62,
  imm16: 0x77,
  immZ: 0x7a,
  immV: 0x76,
  modrmImm8: 0x42,
  modrmImmZ: 0x5a,
  group3Byte: 0x54,
  group3: 0x55,
  address: 0x6f,
  enter: 0x65,
  rel8: 0x6a,
  rel32: 0x4a,
  prefix: 0x70,
  rex: 0x72,
  escape: 0x32,
  vex3: 0x33,
  vex2: 0x35,
  evex: 0x45,
  popOrXop: 0x58,
  map38: 0x38,
  map3a: 0x41,
} as const;
