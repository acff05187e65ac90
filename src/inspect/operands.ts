// SPDX-License-Identifier: MIT
/** What the analysis has to know of single instructions and their operands. */
import { FlowControl, type Instruction, Mnemonic, OpKind, Register, RegisterExt } from "./iced.js";
import { join, mapConstants, unknown, type Value } from "./values.js";

export const generalRegisters = 16;

/** Index 0 to 15 (RAX, RCX, RDX, RBX, RSP, …) of a general register of any width, or undefined. */
export function registerIndex(register: Register): number | undefined {
  const index = RegisterExt.fullRegister(register) - Register.RAX;
  return index >= 0 && index < generalRegisters ? index : undefined;
}

/** What holds when a comparison comes out equal. */
export interface Equality {
  readonly register: number;
  readonly value: number;
}

/** The equality that `je` finds behind `test r, r` and `cmp r, constant`. */
export function comparedRegister(instruction: Instruction): Equality | undefined {
  const { mnemonic } = instruction;
  if (instruction.op0Kind !== OpKind.Register) return undefined;
  const register = registerIndex(instruction.op0Register);
  if (register === undefined || RegisterExt.size(instruction.op0Register) < 4) return undefined;
  if (mnemonic === Mnemonic.Test && instruction.op1Kind === OpKind.Register) {
    return instruction.op0Register === instruction.op1Register ? { register, value: 0 } : undefined;
  }
  if (mnemonic !== Mnemonic.Cmp || !isImmediate(instruction.op1Kind)) return undefined;
  return { register, value: Number(BigInt.asIntN(64, instruction.immediate(1))) };
}

export function isImmediate(kind: OpKind): boolean {
  return kind >= OpKind.Immediate8 && kind <= OpKind.Immediate32to64;
}

export function isSystemCall({ mnemonic }: Instruction): boolean {
  return mnemonic === Mnemonic.Syscall || mnemonic === Mnemonic.Int || mnemonic === Mnemonic.Sysenter;
}

export function isCall(flow: FlowControl): boolean {
  return flow === FlowControl.Call || flow === FlowControl.IndirectCall;
}

export function arithmetic(mnemonic: Mnemonic, left: number, right: number): number {
  switch (mnemonic) {
    case Mnemonic.Add:
      return left + right;
    case Mnemonic.Sub:
      return left - right;
    case Mnemonic.And:
      return left & right;
    case Mnemonic.Or:
      return left | right;
    default:
      return left ^ right;
  }
}

/** AL to R15L, but not AH to BH. */
export function isLowByte(register: Register): boolean {
  return RegisterExt.size(register) === 1 && (register < Register.AH || register > Register.BH);
}

/** The rest of the register stays as it is: `xor %eax, %eax; mov $56, %al`. */
export function withLowByte(old: Value, low: Value): Value {
  const known =
    low.constants.length > 0 && low.inputs.length === 0 && low.frame === undefined && !low.unknown;
  if (!known) return unknown;
  return low.constants
    .map((byte) => mapConstants(old, (each) => each - (each & 0xff) + (byte & 0xff)))
    .reduce(join);
}

/** A 32-bit result is zero-extended; addresses of this size are below 4 GiB anyway. */
export function low32(value: Value): Value {
  if (value.constants.every((each) => each >= 0 && each <= 0xffffffff)) return value;
  return mapConstants(value, (each) => each >>> 0);
}

export function displacementOf(instruction: Instruction): number {
  return Number(BigInt.asIntN(64, instruction.memoryDisplacement));
}

export function isConditionalMove(mnemonic: Mnemonic): boolean {
  return mnemonic >= Mnemonic.Cmova && mnemonic <= Mnemonic.Cmovs;
}

/** SETE and its kin. */
export function isSetter(mnemonic: Mnemonic): boolean {
  return mnemonic >= Mnemonic.Seta && mnemonic <= Mnemonic.Sets;
}

export const readsOnly: ReadonlySet<Mnemonic> = new Set([
  ...[Mnemonic.Cmp, Mnemonic.Test, Mnemonic.Nop, Mnemonic.Endbr64, Mnemonic.Bt, Mnemonic.Prefetchw],
]);

/** Multiplications, divisions, string operations, CPUID and the like. */
export const writesUnnamed: ReadonlySet<Mnemonic> = new Set([
  ...[
    Mnemonic.Mul,
    Mnemonic.Imul,
    Mnemonic.Div,
    Mnemonic.Idiv,
    Mnemonic.Cpuid,
    Mnemonic.Rdtsc,
    Mnemonic.Rdtscp,
  ],
  ...[Mnemonic.Xgetbv, Mnemonic.Cmpxchg, Mnemonic.Cmpxchg8b, Mnemonic.Cmpxchg16b, Mnemonic.Cdq, Mnemonic.Cqo],
  ...[
    Mnemonic.Cdqe,
    Mnemonic.Cwde,
    Mnemonic.Movsb,
    Mnemonic.Movsw,
    Mnemonic.Movsd,
    Mnemonic.Movsq,
    Mnemonic.Stosb,
  ],
  ...[
    Mnemonic.Stosd,
    Mnemonic.Stosq,
    Mnemonic.Scasb,
    Mnemonic.Cmpsb,
    Mnemonic.Lodsb,
    Mnemonic.Lodsq,
    Mnemonic.Loop,
  ],
]);
