// SPDX-License-Identifier: MIT
/** Registers and stack slots of a function at one place, and what an instruction does to them. */
import { FlowControl, type Instruction, Mnemonic, OpKind, Register, RegisterExt } from "./iced.js";
import {
  arithmetic,
  displacementOf,
  type Equality,
  generalRegisters,
  isCall,
  isConditionalMove,
  isImmediate,
  isLowByte,
  isSetter,
  isSystemCall,
  low32,
  readsOnly,
  registerIndex,
  withLowByte,
  writesUnnamed,
} from "./operands.js";
import {
  constant,
  frameAddress,
  type Input,
  input,
  join,
  mapConstants,
  unknown,
  type Value,
} from "./values.js";

const rsp = 4;
/** RAX, RCX, RDX, RSI, RDI, R8 to R11: what a function may change (psABI figure 3.4). */
const callerSaved = [0, 1, 2, 6, 7, 8, 9, 10, 11];
/** RAX, RCX and R11 (psABI A.2.1). */
const changedBySystemCall = [0, 1, 11];
const mostSlots = 64;

const registersAtEntry: readonly Value[] = Array.from({ length: generalRegisters }, (_, index) =>
  index === rsp ? frameAddress(0) : input({ kind: "register", register: index }),
);

export class MachineState {
  readonly #registers: Value[];
  /** By distance from the stack pointer at entry. */
  readonly #slots: Map<number, Value>;
  /** Low bytes, where they were written by themselves and the block has not ended since. */
  readonly #lowBytes = new Map<number, Value>();

  private constructor(registers: Value[], slots: Map<number, Value>) {
    this.#registers = registers;
    this.#slots = slots;
  }

  static atEntry(): MachineState {
    return new MachineState([...registersAtEntry], new Map());
  }

  static unknown(): MachineState {
    return new MachineState(new Array<Value>(generalRegisters).fill(unknown), new Map());
  }

  copy(): MachineState {
    return new MachineState([...this.#registers], new Map(this.#slots));
  }

  /** What holds here or there. `widen` gives up on what still changes, so that loops come to an end. */
  join(other: MachineState, widen: boolean): MachineState {
    const merge = (left: Value, right: Value): Value => {
      const merged = join(left, right);
      return widen && merged !== left ? unknown : merged;
    };
    const registers = this.#registers.map((value, index) => merge(value, other.register(index)));
    const slots = new Map<number, Value>();
    // A slot that one side knows nothing of is left out: that says the same.
    for (const [offset, value] of this.#slots) {
      const merged = merge(value, other.slot(offset));
      if (merged !== unknown || offset > 0) slots.set(offset, merged);
    }
    for (const [offset, value] of other.#slots) {
      if (offset > 0 && !this.#slots.has(offset)) slots.set(offset, merge(this.slot(offset), value));
    }
    return new MachineState(registers, slots);
  }

  equals(other: MachineState): boolean {
    if (this.#slots.size !== other.#slots.size) return false;
    if (this.#registers.some((value, index) => value !== other.#registers[index])) return false;
    for (const [offset, value] of this.#slots) if (other.#slots.get(offset) !== value) return false;
    return true;
  }

  register(index: number): Value {
    return this.#registers[index] ?? unknown;
  }

  /** A word of the stack. Above the return address it is the caller's, below nothing is known before a store. */
  slot(offset: number): Value {
    return this.#slots.get(offset) ?? (offset > 0 ? input({ kind: "slot", offset }) : unknown);
  }

  /** What a callee's input is here, in front of a call; `pushed` bytes of return address lie between. */
  resolve(given: Input, pushed: number): Value {
    if (given.kind === "register") return this.register(given.register);
    if (given.kind === "word") return this.behind(this.register(given.register), given.offset);
    if (given.kind !== "slot") return input(given);
    const { frame } = this.register(rsp);
    return frame === undefined ? unknown : this.slot(frame + given.offset - pushed);
  }

  /** A copy in which a register is known to hold one value, because a comparison said so. */
  knowing({ register, value }: Equality): MachineState {
    const state = this.copy();
    state.#registers[register] = constant(value);
    return state;
  }

  /** The value of an operand: of a register, or of the word in memory. */
  operand(instruction: Instruction, operand: number): Value {
    return this.#read(instruction, operand);
  }

  /** What a plain store puts at an address of static data; undefined for any other instruction. */
  storedAt(instruction: Instruction, address: number): Value | undefined {
    if (instruction.mnemonic !== Mnemonic.Mov || instruction.op0Kind !== OpKind.Memory) return undefined;
    if (!instruction.isIpRelMemoryOperand || Number(instruction.ipRelMemoryAddress) !== address)
      return undefined;
    return this.#read(instruction, 1);
  }

  step(instruction: Instruction): void {
    const flow = instruction.flowControl;
    if (flow !== FlowControl.Next) {
      // Jumps change nothing.
      const changed = isSystemCall(instruction) ? changedBySystemCall : isCall(flow) ? callerSaved : [];
      for (const index of changed) {
        this.#registers[index] = unknown;
        this.#lowBytes.delete(index);
      }
      return;
    }
    const result = this.#result(instruction);
    if (result !== undefined) this.#write(instruction, result);
    else this.#effect(instruction);
  }

  /** What an instruction that writes its first operand writes there; undefined for all others. */
  #result(instruction: Instruction): Value | undefined {
    switch (instruction.mnemonic) {
      case Mnemonic.Mov:
      case Mnemonic.Movzx:
      case Mnemonic.Movsx:
      case Mnemonic.Movsxd:
        return this.#read(instruction, 1);
      case Mnemonic.Lea:
        return this.#address(instruction);
      case Mnemonic.Xor:
      case Mnemonic.Sub:
        return this.#sameRegisters(instruction) ? constant(0) : this.#combine(instruction);
      case Mnemonic.Add:
      case Mnemonic.And:
      case Mnemonic.Or:
        return this.#combine(instruction);
      case Mnemonic.Inc:
        return mapConstants(this.#read(instruction, 0), (each) => each + 1);
      case Mnemonic.Sbb:
        return this.#sameRegisters(instruction) ? join(constant(0), constant(-1)) : unknown;
      case Mnemonic.Neg:
        return mapConstants(this.#read(instruction, 0), (each) => -each);
      case Mnemonic.Not:
        return mapConstants(this.#read(instruction, 0), (each) => ~each);
      case Mnemonic.Dec:
        return mapConstants(this.#read(instruction, 0), (each) => each - 1);
      default:
        if (isSetter(instruction.mnemonic)) return join(constant(0), constant(1));
        if (!isConditionalMove(instruction.mnemonic)) return undefined;
        return join(this.#read(instruction, 0), this.#read(instruction, 1));
    }
  }

  #effect(instruction: Instruction): void {
    const { mnemonic } = instruction;
    if (readsOnly.has(mnemonic)) return;
    if (mnemonic === Mnemonic.Push) this.#push(instruction);
    else if (mnemonic === Mnemonic.Pop) this.#pop(instruction);
    else if (mnemonic === Mnemonic.Leave) this.#leave();
    else if (mnemonic === Mnemonic.Pushfq) this.#pushed(unknown);
    else if (mnemonic === Mnemonic.Popfq) this.#popped();
    else this.#spoil(instruction);
  }

  /** Exchanges write both operands, some instructions registers that they do not name. */
  #spoil(instruction: Instruction): void {
    for (let operand = 0; operand < Math.min(instruction.opCount, 2); operand++) {
      this.#write(instruction, unknown, operand);
    }
    if (!writesUnnamed.has(instruction.mnemonic)) return;
    for (const index of [0, 1, 2, 6, 7]) this.#registers[index] = unknown;
    this.#lowBytes.clear();
  }

  #read(instruction: Instruction, operand: number): Value {
    const kind = instruction.opKind(operand);
    if (kind === OpKind.Register) {
      const register = instruction.opRegister(operand);
      const index = registerIndex(register);
      if (index === undefined) return unknown;
      const value = this.register(index);
      if (RegisterExt.size(register) >= 4) return value;
      if (!isLowByte(register)) return unknown;
      return this.#lowBytes.get(index) ?? mapConstants(value, (each) => each & 0xff);
    }
    if (kind === OpKind.Memory) return this.#load(instruction);
    if (isImmediate(kind)) return constant(Number(BigInt.asIntN(64, instruction.immediate(operand))));
    return unknown;
  }

  #load(instruction: Instruction): Value {
    if (instruction.isIpRelMemoryOperand) {
      return input({ kind: "static", address: Number(instruction.ipRelMemoryAddress) });
    }
    const base = registerIndex(instruction.memoryBase);
    if (base === undefined || instruction.memoryIndex !== Register.None) return unknown;
    return this.behind(this.register(base), displacementOf(instruction));
  }

  /** The word at an address. */
  behind(address: Value, offset: number): Value {
    if (address.frame !== undefined) return this.slot(address.frame + offset);
    const [only] = address.inputs;
    const plain = address.inputs.length === 1 && address.constants.length === 0 && !address.unknown;
    if (!plain || only === undefined) return unknown;
    if (only.kind === "register") return input({ kind: "word", register: only.register, offset });
    if (only.kind === "static") return input({ kind: "behind static", address: only.address, offset });
    return unknown;
  }

  /** The address a memory operand means, where it is one from the stack pointer or an input or a constant. */
  #address(instruction: Instruction): Value {
    if (instruction.isIpRelMemoryOperand) return constant(Number(instruction.ipRelMemoryAddress));
    const displacement = displacementOf(instruction);
    if (instruction.memoryBase === Register.None) {
      const index = registerIndex(instruction.memoryIndex);
      const scale = instruction.memoryIndexScale;
      if (index === undefined) return constant(displacement);
      return mapConstants(this.register(index), (each) => each * scale + displacement);
    }
    if (instruction.memoryIndex !== Register.None) return unknown;
    const index = registerIndex(instruction.memoryBase);
    if (index === undefined) return unknown;
    const base = this.register(index);
    if (base.frame !== undefined) return frameAddress(base.frame + displacement);
    if (displacement === 0) return base;
    return mapConstants(base, (each) => each + displacement);
  }

  #write(instruction: Instruction, value: Value, operand = 0): void {
    const kind = instruction.opKind(operand);
    if (kind === OpKind.Memory) {
      const { frame } = this.#address(instruction);
      if (frame !== undefined) this.#store(frame, value);
      return;
    }
    if (kind !== OpKind.Register) return;
    const register = instruction.opRegister(operand);
    const index = registerIndex(register);
    if (index === undefined) return;
    const size = RegisterExt.size(register);
    this.#lowBytes.delete(index);
    if (size >= 4) this.#registers[index] = size === 4 ? low32(value) : value;
    else if (isLowByte(register)) {
      this.#registers[index] = withLowByte(this.register(index), value);
      this.#lowBytes.set(index, value);
    } else this.#registers[index] = unknown;
  }

  #combine(instruction: Instruction): Value {
    const left = this.#read(instruction, 0);
    const right = this.#read(instruction, 1);
    const [by] = right.constants;
    if (by === undefined || right.constants.length !== 1 || right.inputs.length > 0 || right.unknown)
      return unknown;
    const { mnemonic } = instruction;
    if (left.frame !== undefined) {
      if (mnemonic === Mnemonic.Add) return frameAddress(left.frame + by);
      if (mnemonic === Mnemonic.Sub) return frameAddress(left.frame - by);
      // An aligned stack pointer: at most so much lower, and used consistently from here on.
      if (mnemonic === Mnemonic.And) return frameAddress(Math.floor(left.frame / -by) * -by);
      return unknown;
    }
    if (mnemonic === Mnemonic.Or && by === -1) return constant(-1);
    return mapConstants(left, (each) => arithmetic(mnemonic, each, by));
  }

  #sameRegisters(instruction: Instruction): boolean {
    return (
      instruction.opKind(0) === OpKind.Register &&
      instruction.opKind(1) === OpKind.Register &&
      instruction.opRegister(0) === instruction.opRegister(1)
    );
  }

  #push(instruction: Instruction): void {
    this.#pushed(this.#read(instruction, 0));
  }

  #pushed(value: Value): void {
    const { frame } = this.register(rsp);
    if (frame === undefined) return;
    this.#registers[rsp] = frameAddress(frame - 8);
    this.#store(frame - 8, value);
  }

  #store(offset: number, value: Value): void {
    if (this.#slots.size < mostSlots || this.#slots.has(offset) || offset > 0) this.#slots.set(offset, value);
  }

  #pop(instruction: Instruction): void {
    this.#write(instruction, this.#popped());
  }

  #popped(): Value {
    const { frame } = this.register(rsp);
    if (frame === undefined) return unknown;
    this.#registers[rsp] = frameAddress(frame + 8);
    return this.slot(frame);
  }

  #leave(): void {
    const rbp = 5;
    const { frame } = this.register(rbp);
    this.#registers[rbp] = frame === undefined ? unknown : this.slot(frame);
    this.#registers[rsp] = frame === undefined ? unknown : frameAddress(frame + 8);
  }
}
