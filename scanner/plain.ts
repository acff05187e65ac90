// SPDX-License-Identifier: MIT
/**
 * Passes over the instructions of which a scan notes nothing: they go on to the next one and name no address. That are
 * three of four, and of them only the length counts, which takes two tables and no decoder.
 */
import { form, oneByteMap, twoByteMap } from "./opcodes";

/** What is known of an opcode: whether it is plain, has a ModRM byte, and how many bytes of immediate. */
const plain: i32 = 0x20;
const modrm: i32 = 0x10;
const immediateMask: i32 = 0xf;

/** All but NOP, RET, INT3, INT, INT1, IRET, and the group of indirect calls and jumps. */
const oneByteTraits = traitsOf(oneByteMap, [0x90, 0xc2, 0xc3, 0xca, 0xcb, 0xcc, 0xcd, 0xcf, 0xf1, 0xff]);
/** All but system calls and returns from them, UD0 to UD2, NOP. */
const twoByteTraits = traitsOf(twoByteMap, [0x05, 0x07, 0x0b, 0x1f, 0x34, 0x35, 0xb9, 0xff]);

function traitsOf(map: StaticArray<u8>, others: StaticArray<i32>): StaticArray<u8> {
  const traits = new StaticArray<u8>(256);
  for (let opcode = 0; opcode < 256; opcode++) traits[opcode] = <u8>traitsOfForm(map[opcode]);
  for (let index = 0; index < others.length; index++) traits[others[index]] = 0;
  return traits;
}

function traitsOfForm(letter: i32): i32 {
  if (letter === form.nothing) return plain;
  if (letter === form.modrm) return plain | modrm;
  if (letter === form.imm8) return plain | 1;
  if (letter === form.immZ || letter === form.immV) return plain | 4;
  if (letter === form.modrmImm8) return plain | modrm | 1;
  return letter === form.modrmImmZ ? plain | modrm | 4 : 0;
}

/**
 * The length of the instruction at a place, or 0 for one that has to be decoded: it may be plain too. With `fixed`, an
 * operand of 32 bits may be an address. Behind `limit` there are zeros to read.
 */
export function plainLength(begin: usize, limit: usize, fixed: bool): i32 {
  let at = begin;
  let opcode: i32 = load<u8>(at++);
  const isPrefix = opcode === 0x66 || opcode === 0xf2 || opcode === 0xf3;
  if (isPrefix) opcode = load<u8>(at++);
  const rex = (opcode & 0xf0) === 0x40 ? opcode : 0;
  if (rex !== 0) opcode = load<u8>(at++);
  let trait: i32 = unchecked(oneByteTraits[opcode]);
  if (opcode === 0x0f) trait = unchecked(twoByteTraits[load<u8>(at++)]);
  // A prefix may change how long an immediate is.
  else if (isPrefix) return 0;
  // MOV with an immediate of 64 bits.
  else if (rex & 8 && (opcode & 0xf8) === 0xb8) return 0;
  if (!(trait & plain)) return 0;
  const immediate = trait & immediateMask;
  let displacement = 0;
  if (trait & modrm) {
    const operands: i32 = load<u8>(at++);
    const mod = operands >> 6;
    const base = operands & 7;
    // XBEGIN has the form of a MOV.
    if (operands === 0xf8) return 0;
    if (mod !== 3) {
      displacement = mod === 1 ? 1 : mod === 2 ? 4 : 0;
      if (base === 4) {
        if ((load<u8>(at++) & 7) === 5 && mod === 0) displacement = 4;
      } else if (mod === 0 && base === 5) return 0;
    }
  }
  if (fixed && (displacement === 4 || immediate === 4)) return 0;
  at += displacement + immediate;
  return at <= limit ? <i32>(at - begin) : 0;
}
