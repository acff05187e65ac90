// SPDX-License-Identifier: MIT
/**
 * A decoder for the one look that the analysis takes at every instruction: how long it is, where control goes,
 * which address it mentions. A tenth of the time of the full decoder (iced-x86), which follows values where that is
 * asked. Its results are compared with the full decoder's over whole libraries in the tests.
 */
import { form, oneByteMap, twoByteMap } from "./opcodes";

/** Where control goes behind an instruction. */
export namespace Flow {
  export const next: i32 = 0;
  export const conditional: i32 = 1;
  export const jump: i32 = 2;
  export const indirectJump: i32 = 3;
  export const call: i32 = 4;
  export const indirectCall: i32 = 5;
  export const return_: i32 = 6;
  /** A system call: see `site`. */
  export const site: i32 = 7;
  /** INT3 and the like: control may come back. */
  export const trap: i32 = 8;
  /** UD2, or no instruction at all. */
  export const undefined_: i32 = 9;
}

/** What a memory operand names by itself. */
export namespace Memory {
  export const none: i32 = 0;
  export const ripRelative: i32 = 1;
  export const absolute: i32 = 2;
  export const indexed: i32 = 3;
}

export namespace Site {
  export const none: i32 = 0;
  export const syscall: i32 = 1;
  export const int80: i32 = 2;
  export const sysenter: i32 = 3;
}

const longestInstructionBytes = 15;
namespace maps {
  export const one: i32 = 0;
  export const two: i32 = 1;
  export const three38: i32 = 2;
  export const three3a: i32 = 3;
}
/** By row, operations of the two-byte map on vector registers: what they read is 16 bytes and more. */
const vectorRows: i32 = 0b1111_0000_1110_0110;
const longestX87Bytes = 10;

// What was found of an instruction.
export let length: i32 = 0;
export let flow: i32 = Flow.next;
/** Of a direct branch or call. */
export let target: f64 = 0;
export let site: i32 = Site.none;
export let named: i32 = Memory.none;
/** The RIP-relative address, or the 32-bit displacement of `absolute` and `indexed`. */
export let address: f64 = 0;
/** Whether it takes the address instead of what is there. */
export let takesAddress: bool = false;
/** Whether it writes there and reads nothing. */
export let stores: bool = false;
/** How much it reads or writes there, at most. */
export let sizeBytes: i32 = 0;
/** An operand of 32 or 64 bits, where `hasImmediate`. */
export let immediate: f64 = 0;
export let hasImmediate: bool = false;
export let isPadding: bool = false;

let at: usize = 0;
let limit: usize = 0;
let map: i32 = maps.one;
let opcode: i32 = 0;
let wide: bool = false;
/** REX.X or its like, which makes index 4 a register. */
let extendedIndex: bool = false;
let operand16: bool = false;
let vectorBytes: i32 = 0;
let repeat: bool = false;
let modrm: i32 = -1;

/**
 * Reads the instruction at `begin`, which is mapped at `start`; false when the bytes, up to `end`, end before it does.
 * Behind them there are zeros to read.
 */
export function decode(begin: usize, end: usize, start: f64): bool {
  reset(begin, end);
  const kind = readOpcode();
  const immediateBytes = kind < 0 ? -1 : readOperands(kind);
  length = <i32>(at - begin);
  if (at > limit) return false;
  if (immediateBytes < 0 || length > longestInstructionBytes) {
    flow = Flow.undefined_;
    length = max(length, 1);
    return true;
  }
  // Relative to the next instruction, which is known only now.
  if (named === Memory.ripRelative) address += start + length;
  if (kind === form.rel8 || kind === form.rel32) branch(start + length, kind);
  else {
    classify(start + length);
    if (immediateBytes >= 4) readImmediate(immediateBytes);
  }
  if (named !== Memory.none) describeAccess();
  return true;
}

function reset(begin: usize, end: usize): void {
  at = begin;
  limit = end;
  flow = Flow.next;
  site = Site.none;
  named = Memory.none;
  takesAddress = false;
  hasImmediate = false;
  isPadding = false;
  map = maps.one;
  wide = false;
  extendedIndex = false;
  operand16 = false;
  vectorBytes = 0;
  repeat = false;
  modrm = -1;
}

function byte(): i32 {
  return load<u8>(at++);
}

function oneByteForm(): i32 {
  return unchecked(oneByteMap[opcode]);
}

/** Reads prefixes and opcode; returns what follows, or -1 for no instruction. */
function readOpcode(): i32 {
  opcode = byte();
  let kind = oneByteForm();
  while (kind === form.prefix) {
    if (opcode === 0x66) operand16 = true;
    else if (opcode === 0xf3) repeat = true;
    opcode = byte();
    kind = oneByteForm();
    if (at > limit) return -1;
  }
  if (kind === form.rex) {
    wide = (opcode & 8) !== 0;
    extendedIndex = (opcode & 2) !== 0;
    opcode = byte();
    kind = oneByteForm();
  }
  if (kind === form.escape) return readTwoByte();
  if (kind === form.vex2 || kind === form.vex3 || kind === form.evex) return readVector(kind);
  if (kind === form.popOrXop) return readXop();
  return kind === form.prefix || kind === form.rex || kind === form.invalid ? -1 : kind;
}

function readTwoByte(): i32 {
  map = maps.two;
  opcode = byte();
  const kind: i32 = unchecked(twoByteMap[opcode]);
  if (kind === form.invalid) return -1;
  if (kind !== form.map38 && kind !== form.map3a) return kind;
  map = kind === form.map38 ? maps.three38 : maps.three3a;
  opcode = byte();
  return kind === form.map38 ? form.modrm : form.modrmImm8;
}

/** VEX and EVEX (SDM volume 2, 2.3 and 2.7): the payload names the map and the vector length. */
function readVector(kind: i32): i32 {
  const first = byte();
  let mapNumber = 1;
  let vectorLength = (first >> 2) & 1;
  if (kind !== form.vex2) {
    extendedIndex = (first & 0x40) === 0;
    mapNumber = first & (kind === form.evex ? 7 : 31);
    const second = byte();
    vectorLength = (second >> 2) & 1;
    if (kind === form.evex) vectorLength = (byte() >> 5) & 3;
  }
  vectorBytes = 16 << vectorLength;
  opcode = byte();
  map = mapNumber === 1 ? maps.two : maps.three38;
  if (mapNumber === 3) return form.modrmImm8;
  if (mapNumber !== 1) return form.modrm;
  const legacy: i32 = unchecked(twoByteMap[opcode]);
  return legacy === form.nothing || legacy === form.modrmImm8 ? legacy : form.modrm;
}

/** XOP (AMD APM volume 6) takes the encodings of POP that have no use. */
function readXop(): i32 {
  const mapNumber = load<u8>(at) & 31;
  if (mapNumber < 8) return form.modrm;
  at += 2;
  opcode = byte();
  map = maps.three38;
  vectorBytes = 32;
  return mapNumber === 8 ? form.modrmImm8 : mapNumber === 10 ? form.modrmImmZ : form.modrm;
}

/** Passes over the operands; returns the bytes of an immediate, or -1 for no instruction. */
function readOperands(kind: i32): i32 {
  const immZ = operand16 && !wide ? 2 : 4;
  switch (kind) {
    case form.nothing:
      return 0;
    case form.modrm:
      readModrm();
      return 0;
    case form.imm8:
      return skip(1);
    case form.imm16:
      return skip(2);
    case form.immZ:
      return skip(immZ);
    case form.immV:
      return skip(wide ? 8 : immZ);
    case form.modrmImm8:
      readModrm();
      return skip(1);
    case form.modrmImmZ:
      readModrm();
      return skip(map === maps.one ? immZ : 4);
    case form.group3Byte:
    case form.group3: {
      readModrm();
      if (register() > 1) return 0;
      return skip(kind === form.group3 ? immZ : 1);
    }
    case form.address:
      named = Memory.absolute;
      address = wideNumber(at);
      at += 8;
      return 0;
    case form.enter:
      return skip(3);
    case form.rel8:
      return skip(1);
    default:
      return skip(4);
  }
}

function skip(bytes: i32): i32 {
  at += bytes;
  return bytes;
}

/** ModRM, SIB and displacement (SDM volume 2, 2.1). */
function readModrm(): void {
  modrm = byte();
  const mod = modrm >> 6;
  const base = modrm & 7;
  if (mod === 3) return;
  let hasBase = true;
  let hasIndex = false;
  if (base === 4) {
    const sib = byte();
    hasIndex = (sib & 0x38) !== 0x20 || extendedIndex;
    hasBase = mod !== 0 || (sib & 7) !== 5;
  } else if (mod === 0 && base === 5) {
    named = Memory.ripRelative;
    address = load<i32>(at);
    at += 4;
    return;
  }
  if (mod === 1) at++;
  if (mod !== 2 && hasBase) return;
  named = hasBase || hasIndex ? Memory.indexed : Memory.absolute;
  address = load<i32>(at);
  at += 4;
}

function register(): i32 {
  return (modrm >> 3) & 7;
}

/** An unsigned number of 8 bytes, which fits when it is an address. */
function wideNumber(from: usize): f64 {
  return <f64>load<u32>(from) + <f64>load<u32>(from + 4) * 4294967296.0;
}

function branch(next: f64, kind: i32): void {
  target = next + <f64>(kind === form.rel8 ? <i32>load<i8>(at - 1) : load<i32>(at - 4));
  if (map === maps.two) flow = Flow.conditional;
  else if (opcode === 0xe8) flow = Flow.call;
  else flow = opcode === 0xe9 || opcode === 0xeb ? Flow.jump : Flow.conditional;
}

function classify(next: f64): void {
  if (map === maps.two && vectorBytes === 0) classifyTwoByte();
  else if (map === maps.one) classifyOneByte(next);
}

function classifyOneByte(next: f64): void {
  if (opcode === 0xff) {
    const operation = register();
    if (operation === 2 || operation === 3) flow = Flow.indirectCall;
    else if (operation === 4 || operation === 5) flow = Flow.indirectJump;
  } else if (opcode === 0x90) isPadding = !repeat;
  else if (opcode === 0xcc) {
    flow = Flow.trap;
    isPadding = true;
  } else if (opcode === 0xc3 || opcode === 0xc2 || opcode === 0xca || opcode === 0xcb || opcode === 0xcf)
    flow = Flow.return_;
  else if (opcode === 0xf1) flow = Flow.trap;
  else if (opcode === 0xcd) {
    const is32BitCall = load<u8>(at - 1) === 0x80;
    flow = is32BitCall ? Flow.site : Flow.trap;
    if (is32BitCall) site = Site.int80;
  } else if (opcode === 0xc7 && modrm === 0xf8) {
    // XBEGIN: the immediate is the distance to where an abort goes.
    flow = Flow.conditional;
    target = next + <f64>load<i32>(at - 4);
  }
}

function classifyTwoByte(): void {
  switch (opcode) {
    case 0x05:
    case 0x34:
      flow = Flow.site;
      site = opcode === 0x05 ? Site.syscall : Site.sysenter;
      return;
    case 0x07:
    case 0x35:
      flow = Flow.return_;
      return;
    case 0x0b:
    case 0xb9:
    case 0xff:
      flow = Flow.undefined_;
      return;
    case 0x1f:
      isPadding = true;
      return;
    default:
  }
}

function readImmediate(bytes: i32): void {
  hasImmediate = true;
  immediate = bytes === 8 ? wideNumber(at - 8) : <f64>load<i32>(at - bytes);
}

function describeAccess(): void {
  const isGeneral = map === maps.one;
  takesAddress = isGeneral && opcode === 0x8d;
  stores = isGeneral
    ? opcode === 0x88 || opcode === 0x89 || opcode === 0xc6 || opcode === 0xc7
    : map === maps.two && isVectorStore(opcode);
  if (isGeneral) {
    const isPointerSized = wide || opcode === 0xff || opcode === 0x8f;
    sizeBytes = isPointerSized ? 8 : opcode >= 0xd8 && opcode <= 0xdf ? longestX87Bytes : 4;
  } else if (vectorBytes > 0 || map > maps.two || (vectorRows >> (opcode >> 4)) & 1) {
    sizeBytes = max(vectorBytes, 16);
  } else sizeBytes = wide ? 8 : 4;
}

/** MOVUPS, MOVLPS, MOVHPS, MOVAPS, MOVNTPS, MOVDQA, MOVQ and MOVNTDQ to memory, and their kin with other prefixes. */
function isVectorStore(operation: i32): bool {
  switch (operation) {
    case 0x11:
    case 0x13:
    case 0x17:
    case 0x29:
    case 0x2b:
    case 0x7f:
    case 0xd6:
    case 0xe7:
      return true;
    default:
      return false;
  }
}
