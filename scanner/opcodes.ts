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
const oneByteRows: StaticArray<string> = [
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

const twoByteRows: StaticArray<string> = [
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
export const oneByteMap = lettersOf(oneByteRows);
export const twoByteMap = lettersOf(twoByteRows);

function lettersOf(rows: StaticArray<string>): StaticArray<u8> {
  const letters = new StaticArray<u8>(256);
  for (let opcode = 0; opcode < 256; opcode++) {
    letters[opcode] = <u8>rows[opcode >> 4].charCodeAt(opcode & 15);
  }
  return letters;
}

/** A letter's character code, to compare with. */
export namespace form {
  export const nothing: i32 = 0x6e;
  export const modrm: i32 = 0x6d;
  export const imm8: i32 = 0x62;
  export const imm16: i32 = 0x77;
  export const immZ: i32 = 0x7a;
  export const immV: i32 = 0x76;
  export const modrmImm8: i32 = 0x42;
  export const modrmImmZ: i32 = 0x5a;
  export const group3Byte: i32 = 0x54;
  export const group3: i32 = 0x55;
  export const address: i32 = 0x6f;
  export const enter: i32 = 0x65;
  export const rel8: i32 = 0x6a;
  export const rel32: i32 = 0x4a;
  export const prefix: i32 = 0x70;
  export const rex: i32 = 0x72;
  export const escape: i32 = 0x32;
  export const vex3: i32 = 0x33;
  export const vex2: i32 = 0x35;
  export const evex: i32 = 0x45;
  export const popOrXop: i32 = 0x58;
  export const map38: i32 = 0x38;
  export const map3a: i32 = 0x41;
  export const invalid: i32 = 0x78;
}
