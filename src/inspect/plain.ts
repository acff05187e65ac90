// SPDX-License-Identifier: MIT
/**
 * Passes over the instructions of which a scan notes nothing: they go on to the next one and name no address. That are
 * three of four, and of them only the length counts, which takes two tables and no decoder.
 */
import { form, oneByteMap, twoByteMap } from "./opcodes.js";

/** What is known of an opcode: whether it is plain, has a ModRM byte, and how many bytes of immediate. */
const plain = 0x20;
const modrm = 0x10;
const immediateMask = 0xf;

const traits: ReadonlyMap<number, number> = new Map([
  [form.nothing, plain],
  [form.modrm, plain | modrm],
  [form.imm8, plain | 1],
  [form.immZ, plain | 4],
  [form.immV, plain | 4],
  [form.modrmImm8, plain | modrm | 1],
  [form.modrmImmZ, plain | modrm | 4],
]);

/** NOP, RET, INT3, INT, INT1, IRET, and the group of indirect calls and jumps. */
const oneByteTraits = traitsOf(oneByteMap, [0x90, 0xc2, 0xc3, 0xca, 0xcb, 0xcc, 0xcd, 0xcf, 0xf1, 0xff]);
/** System calls and returns from them, UD0 to UD2, NOP. */
const twoByteTraits = traitsOf(twoByteMap, [0x05, 0x07, 0x0b, 0x1f, 0x34, 0x35, 0xb9, 0xff]);

function traitsOf(map: Uint8Array, others: readonly number[]): Uint8Array {
  return map.map((letter, opcode) => (others.includes(opcode) ? 0 : (traits.get(letter) ?? 0)));
}

/**
 * The length of the instruction at a place, or 0 for one that has to be decoded: it may be plain too. With `fixed`, an
 * operand of 32 bits may be an address.
 */
export function plainLength(bytes: Uint8Array, begin: number, fixed: boolean): number {
  let at = begin;
  let opcode = bytes[at++] as number;
  const first = opcode;
  const isPrefix = first === 0x66 || first === 0xf2 || first === 0xf3;
  if (isPrefix) opcode = bytes[at++] as number;
  const rex = (opcode & 0xf0) === 0x40 ? opcode : 0;
  if (rex !== 0) opcode = bytes[at++] as number;
  let trait = oneByteTraits[opcode] as number;
  if (opcode === 0x0f) trait = twoByteTraits[bytes[at++] as number] as number;
  // A prefix may change how long an immediate is.
  else if (isPrefix) return 0;
  // MOV with an immediate of 64 bits.
  else if (rex & 8 && (opcode & 0xf8) === 0xb8) return 0;
  if (!(trait & plain)) return 0;
  const immediate = trait & immediateMask;
  let displacement = 0;
  if (trait & modrm) {
    const operands = bytes[at++] as number;
    const mod = operands >> 6;
    const base = operands & 7;
    // XBEGIN has the form of a MOV.
    if (operands === 0xf8) return 0;
    if (mod !== 3) {
      displacement = mod === 1 ? 1 : mod === 2 ? 4 : 0;
      if (base === 4) {
        if (((bytes[at++] as number) & 7) === 5 && mod === 0) displacement = 4;
      } else if (mod === 0 && base === 5) return 0;
    }
  }
  if (fixed && (displacement === 4 || immediate === 4)) return 0;
  at += displacement + immediate;
  return at <= bytes.length ? at - begin : 0;
}
