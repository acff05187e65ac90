// SPDX-License-Identifier: MIT
/**
 * A decoder for the one look that the analysis takes at every instruction: how long it is, where control goes,
 * which address it mentions. A tenth of the time of the full decoder (iced-x86), which follows values where that is
 * asked. Its results are compared with the full decoder's over whole libraries in the tests.
 */
import { form, oneByteMap, twoByteMap } from "./opcodes.js";

export type SiteKind = "syscall" | "int 0x80" | "sysenter";

/** Where control goes behind an instruction. */
export const Flow = {
  next: 0,
  conditional: 1,
  jump: 2,
  indirectJump: 3,
  call: 4,
  indirectCall: 5,
  return: 6,
  /** A system call: see `site`. */
  site: 7,
  /** INT3 and the like: control may come back. */
  trap: 8,
  /** UD2, or no instruction at all. */
  undefined: 9,
} as const;
export type Flow = (typeof Flow)[keyof typeof Flow];

/** What a memory operand names by itself. */
export const Memory = { none: 0, ripRelative: 1, absolute: 2, indexed: 3 } as const;
export type Memory = (typeof Memory)[keyof typeof Memory];

const longestInstructionBytes = 15;
const maps = { one: 0, two: 1, three38: 2, three3a: 3 } as const;
/** Operations of the two-byte map on vector registers: what they read is 16 bytes and more. */
const vectorRows = new Set([0x1, 0x2, 0x5, 0x6, 0x7, 0xc, 0xd, 0xe, 0xf]);
/** MOVUPS, MOVLPS, MOVHPS, MOVAPS, MOVNTPS, MOVDQA, MOVQ and MOVNTDQ to memory, and their kin with other prefixes. */
const vectorStores = new Set([0x11, 0x13, 0x17, 0x29, 0x2b, 0x7f, 0xd6, 0xe7]);
const longestX87Bytes = 10;

export class Decoder {
  length = 0;
  flow: Flow = Flow.next;
  /** Of a direct branch or call. */
  target = 0;
  site: SiteKind | undefined;
  memory: Memory = Memory.none;
  /** The RIP-relative address, or the 32-bit displacement of `absolute` and `indexed`. */
  address = 0;
  /** Whether it takes the address instead of what is there. */
  takesAddress = false;
  /** Whether it writes there and reads nothing. */
  stores = false;
  /** How much it reads or writes there, at most. */
  sizeBytes = 0;
  /** An operand of 32 or 64 bits. */
  immediate: number | undefined;
  isPadding = false;

  readonly bytes: Uint8Array;
  /** The address of the first byte. */
  readonly start: number;
  readonly #view: DataView;
  #at = 0;
  #map: number = maps.one;
  #opcode = 0;
  #wide = false;
  /** REX.X or its like, which makes index 4 a register. */
  #extendedIndex = false;
  #operand16 = false;
  #vectorBytes = 0;
  #repeat = false;
  #modrm = -1;

  constructor(bytes: Uint8Array, start: number) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.start = start;
  }

  /** Reads the instruction at an address; false when the bytes end before it does. */
  read(address: number): boolean {
    const begin = address - this.start;
    this.#reset(begin);
    const kind = this.#readOpcode();
    const immediateBytes = kind < 0 ? -1 : this.#readOperands(kind);
    this.length = this.#at - begin;
    if (this.#at > this.bytes.length) return false;
    if (immediateBytes < 0 || this.length > longestInstructionBytes) {
      this.flow = Flow.undefined;
      this.length = Math.max(this.length, 1);
      return true;
    }
    // Relative to the next instruction, which is known only now.
    if (this.memory === Memory.ripRelative) this.address += address + this.length;
    if (kind === form.rel8 || kind === form.rel32) this.#branch(address + this.length, kind);
    else {
      this.#classify();
      if (immediateBytes >= 4) this.#readImmediate(immediateBytes);
    }
    if (this.memory !== Memory.none) this.#describeAccess();
    return true;
  }

  #reset(begin: number): void {
    this.#at = begin;
    this.flow = Flow.next;
    this.site = undefined;
    this.memory = Memory.none;
    this.takesAddress = false;
    this.immediate = undefined;
    this.isPadding = false;
    this.#map = maps.one;
    this.#wide = false;
    this.#extendedIndex = false;
    this.#operand16 = false;
    this.#vectorBytes = 0;
    this.#repeat = false;
    this.#modrm = -1;
  }

  #byte(): number {
    return this.bytes[this.#at++] ?? 0;
  }

  /** Reads prefixes and opcode; returns what follows, or -1 for no instruction. */
  #readOpcode(): number {
    let opcode = this.#byte();
    let kind = oneByteMap[opcode] as number;
    while (kind === form.prefix) {
      if (opcode === 0x66) this.#operand16 = true;
      else if (opcode === 0xf3) this.#repeat = true;
      opcode = this.#byte();
      kind = oneByteMap[opcode] as number;
      if (this.#at > this.bytes.length) return -1;
    }
    if (kind === form.rex) {
      this.#wide = (opcode & 8) !== 0;
      this.#extendedIndex = (opcode & 2) !== 0;
      opcode = this.#byte();
      kind = oneByteMap[opcode] as number;
    }
    this.#opcode = opcode;
    if (kind === form.escape) return this.#readTwoByte();
    if (kind === form.vex2 || kind === form.vex3 || kind === form.evex) return this.#readVector(kind);
    if (kind === form.popOrXop) return this.#readXop();
    return kind === form.prefix || kind === form.rex || kind === 0x78 ? -1 : kind;
  }

  #readTwoByte(): number {
    this.#map = maps.two;
    this.#opcode = this.#byte();
    const kind = twoByteMap[this.#opcode] as number;
    if (kind === 0x78) return -1;
    if (kind !== form.map38 && kind !== form.map3a) return kind;
    this.#map = kind === form.map38 ? maps.three38 : maps.three3a;
    this.#opcode = this.#byte();
    return kind === form.map38 ? form.modrm : form.modrmImm8;
  }

  /** VEX and EVEX (SDM volume 2, 2.3 and 2.7): the payload names the map and the vector length. */
  #readVector(kind: number): number {
    const first = this.#byte();
    let map = 1;
    let length = (first >> 2) & 1;
    if (kind !== form.vex2) {
      this.#extendedIndex = (first & 0x40) === 0;
      map = first & (kind === form.evex ? 7 : 31);
      const second = this.#byte();
      length = (second >> 2) & 1;
      if (kind === form.evex) length = (this.#byte() >> 5) & 3;
    }
    this.#vectorBytes = 16 << length;
    this.#opcode = this.#byte();
    this.#map = map === 1 ? maps.two : maps.three38;
    if (map === 3) return form.modrmImm8;
    if (map !== 1) return form.modrm;
    const legacy = twoByteMap[this.#opcode] as number;
    return legacy === form.nothing || legacy === form.modrmImm8 ? legacy : form.modrm;
  }

  /** XOP (AMD APM volume 6) takes the encodings of POP that have no use. */
  #readXop(): number {
    const map = (this.bytes[this.#at] ?? 0) & 31;
    if (map < 8) return form.modrm;
    this.#at += 2;
    this.#opcode = this.#byte();
    this.#map = maps.three38;
    this.#vectorBytes = 32;
    return map === 8 ? form.modrmImm8 : map === 10 ? form.modrmImmZ : form.modrm;
  }

  /** Passes over the operands; returns the bytes of an immediate, or -1 for no instruction. */
  #readOperands(kind: number): number {
    const immZ = this.#operand16 && !this.#wide ? 2 : 4;
    switch (kind) {
      case form.nothing:
        return 0;
      case form.modrm:
        this.#readModrm();
        return 0;
      case form.imm8:
        return this.#skip(1);
      case form.imm16:
        return this.#skip(2);
      case form.immZ:
        return this.#skip(immZ);
      case form.immV:
        return this.#skip(this.#wide ? 8 : immZ);
      case form.modrmImm8:
        this.#readModrm();
        return this.#skip(1);
      case form.modrmImmZ:
        this.#readModrm();
        return this.#skip(this.#map === maps.one ? immZ : 4);
      case form.group3Byte:
      case form.group3: {
        this.#readModrm();
        if (this.#register() > 1) return 0;
        return this.#skip(kind === form.group3 ? immZ : 1);
      }
      case form.address:
        this.memory = Memory.absolute;
        this.address = this.#number(8);
        this.#at += 8;
        return 0;
      case form.enter:
        return this.#skip(3);
      case form.rel8:
        return this.#skip(1);
      default:
        return this.#skip(4);
    }
  }

  #skip(bytes: number): number {
    this.#at += bytes;
    return bytes;
  }

  /** ModRM, SIB and displacement (SDM volume 2, 2.1). */
  #readModrm(): void {
    const modrm = this.#byte();
    this.#modrm = modrm;
    const mod = modrm >> 6;
    const base = modrm & 7;
    if (mod === 3) return;
    let hasBase = true;
    let hasIndex = false;
    if (base === 4) {
      const sib = this.#byte();
      hasIndex = (sib & 0x38) !== 0x20 || this.#extendedIndex;
      hasBase = mod !== 0 || (sib & 7) !== 5;
    } else if (mod === 0 && base === 5) {
      this.memory = Memory.ripRelative;
      this.address = this.#number(4);
      this.#at += 4;
      return;
    }
    if (mod === 1) this.#at++;
    if (mod !== 2 && hasBase) return;
    this.memory = hasBase || hasIndex ? Memory.indexed : Memory.absolute;
    this.address = this.#number(4);
    this.#at += 4;
  }

  #register(): number {
    return (this.#modrm >> 3) & 7;
  }

  /** A signed number of 4 bytes or an unsigned one of 8, which fits when it is an address. */
  #number(bytes: 4 | 8): number {
    if (this.#at + bytes > this.bytes.length) return 0;
    const low = this.#view.getInt32(this.#at, true);
    if (bytes === 4) return low;
    return (low >>> 0) + this.#view.getUint32(this.#at + 4, true) * 2 ** 32;
  }

  #branch(next: number, kind: number): void {
    const distance =
      kind === form.rel8 ? this.#view.getInt8(this.#at - 1) : this.#view.getInt32(this.#at - 4, true);
    this.target = next + distance;
    const opcode = this.#opcode;
    if (this.#map === maps.two) this.flow = Flow.conditional;
    else if (opcode === 0xe8) this.flow = Flow.call;
    else this.flow = opcode === 0xe9 || opcode === 0xeb ? Flow.jump : Flow.conditional;
  }

  #classify(): void {
    if (this.#map === maps.two && this.#vectorBytes === 0) this.#classifyTwoByte();
    else if (this.#map === maps.one) this.#classifyOneByte();
  }

  #classifyOneByte(): void {
    const opcode = this.#opcode;
    if (opcode === 0xff) {
      const register = this.#register();
      if (register === 2 || register === 3) this.flow = Flow.indirectCall;
      else if (register === 4 || register === 5) this.flow = Flow.indirectJump;
    } else if (opcode === 0x90) this.isPadding = !this.#repeat;
    else if (opcode === 0xcc) {
      this.flow = Flow.trap;
      this.isPadding = true;
    } else if (opcode === 0xc3 || opcode === 0xc2 || opcode === 0xca || opcode === 0xcb || opcode === 0xcf)
      this.flow = Flow.return;
    else if (opcode === 0xf1) this.flow = Flow.trap;
    else if (opcode === 0xcd) {
      const is32BitCall = this.bytes[this.#at - 1] === 0x80;
      this.flow = is32BitCall ? Flow.site : Flow.trap;
      if (is32BitCall) this.site = "int 0x80";
    } else if (opcode === 0xc7 && this.#modrm === 0xf8) {
      // XBEGIN: the immediate is the distance to where an abort goes.
      this.flow = Flow.conditional;
      this.target = this.start + this.#at + this.#view.getInt32(this.#at - 4, true);
    }
  }

  #classifyTwoByte(): void {
    switch (this.#opcode) {
      case 0x05:
      case 0x34:
        this.flow = Flow.site;
        this.site = this.#opcode === 0x05 ? "syscall" : "sysenter";
        return;
      case 0x07:
      case 0x35:
        this.flow = Flow.return;
        return;
      case 0x0b:
      case 0xb9:
      case 0xff:
        this.flow = Flow.undefined;
        return;
      case 0x1f:
        this.isPadding = true;
        return;
      default:
    }
  }

  #readImmediate(bytes: number): void {
    this.#at -= bytes;
    this.immediate = this.#number(bytes === 8 ? 8 : 4);
    this.#at += bytes;
  }

  #describeAccess(): void {
    const opcode = this.#opcode;
    const isGeneral = this.#map === maps.one;
    this.takesAddress = isGeneral && opcode === 0x8d;
    this.stores = isGeneral
      ? opcode === 0x88 || opcode === 0x89 || opcode === 0xc6 || opcode === 0xc7
      : this.#map === maps.two && vectorStores.has(opcode);
    if (isGeneral) {
      const isPointerSized = this.#wide || opcode === 0xff || opcode === 0x8f;
      this.sizeBytes = isPointerSized ? 8 : opcode >= 0xd8 && opcode <= 0xdf ? longestX87Bytes : 4;
    } else if (this.#vectorBytes > 0 || this.#map > maps.two || vectorRows.has(opcode >> 4)) {
      this.sizeBytes = Math.max(this.#vectorBytes, 16);
    } else this.sizeBytes = this.#wide ? 8 : 4;
  }
}
