// SPDX-License-Identifier: MIT
/**
 * Reads machine code: the only importer of iced-x86. One instruction object is reused for all of a module's
 * code, and the range of a function is read from its first to its last byte: compilers put no data in between.
 */
import { Code, Decoder, FlowControl, Instruction, Mnemonic, OpKind, Register } from "iced-x86";
import { type Module, nextStart, type Region, rangeAt } from "./module.js";

/** A call, or a jump that leaves the function. */
export interface CallSite {
  readonly at: number;
  /** Address of the code, or of the word that holds its address. */
  readonly target: number;
  readonly through: "code" | "word";
  /** A jump: it leaves no return address. */
  readonly tail: boolean;
}

export type SiteKind = "syscall" | "int 0x80" | "sysenter";

export interface SyscallSite {
  readonly at: number;
  readonly kind: SiteKind;
}

/** An address that code mentions: it takes it, or it reads or writes `sizeBytes` there. */
export interface Reference {
  readonly target: number;
  readonly sizeBytes: number | undefined;
}

/** What one function does, as far as one look at each instruction tells. */
export interface FunctionScan {
  readonly start: number;
  readonly end: number;
  readonly calls: readonly CallSite[];
  readonly sites: readonly SyscallSite[];
  readonly references: readonly Reference[];
  readonly returns: boolean;
  /** Jumps whose targets the instruction does not tell: tables, or calls of pointers in tail position. */
  readonly indirectJumps: boolean;
}

/** No function is longer; a decoding that runs away stops here. */
const longestFunctionBytes = 1 << 22;
const widestLoadBytes = 64;
/** An entry of the procedure linkage table: `endbr64` and a jump. */
const longestStubBytes = 12;

export class CodeReader {
  readonly #module: Module;
  readonly #decoders = new Map<Region, Decoder>();
  readonly instruction = new Instruction();
  /** Programs at fixed addresses mention addresses as plain numbers. */
  readonly #low: number;
  readonly #high: number;

  constructor(module: Module) {
    this.#module = module;
    const fixed = module.file.kind === "executable";
    this.#low = fixed ? Math.min(...module.regions.map(({ start }) => start)) : Number.POSITIVE_INFINITY;
    this.#high = fixed ? Math.max(...module.regions.map(({ end }) => end)) : 0;
  }

  /** Gives back the memory outside of the JavaScript heap. */
  free(): void {
    for (const decoder of this.#decoders.values()) decoder.free();
    this.#decoders.clear();
    this.instruction.free();
  }

  /**
   * Calls `visit` with the address of each instruction from `start` on, decoded in `this.instruction`, until
   * it returns true, the bytes of `end` are reached, or they are no code.
   */
  walk(start: number, end: number, visit: (at: number) => unknown): number {
    const region = this.#module.regions.find(
      (each) => each.executable && start >= each.start && start < each.end,
    );
    if (region === undefined) return start;
    const limit = Math.min(end, region.start + region.bytes.length, start + longestFunctionBytes);
    // A segment's memory can go on behind what the file holds of it.
    if (limit <= start) return start;
    const decoder = this.#decoder(region);
    decoder.position = start - region.start;
    decoder.ip = BigInt(start);
    const { instruction } = this;
    let at = start;
    while (at < limit && decoder.canDecode) {
      decoder.decodeOut(instruction);
      const length = instruction.length;
      if (length === 0) return at;
      if (visit(at) === true) return at + length;
      at += length;
    }
    return at;
  }

  /**
   * Scans the function that starts at `start`. Its end is the known one, or where its flow ends. Hand-written
   * code can run on behind the end that its unwind table gives; then that is part of it.
   */
  scan(start: number): FunctionScan {
    const range = rangeAt(this.#module, start);
    // A target inside a range is an entry of its own, and one range covers the whole procedure linkage table.
    const exact = range?.start === start;
    const bound = range?.end ?? nextStart(this.#module, start);
    const calls: CallSite[] = [];
    const sites: SyscallSite[] = [];
    const references: Reference[] = [];
    let furthest = start;
    let end = start;
    let mayRunOn = true;
    let returns = false;
    let indirectJumps = false;
    const { instruction } = this;
    this.walk(start, Number.POSITIVE_INFINITY, (at) => {
      if (at >= bound && !mayRunOn) return true;
      end = at + instruction.length;
      const flow = instruction.flowControl;
      const target = isBranch(flow) ? directTarget(instruction) : undefined;
      const site = flow === FlowControl.Next ? undefined : siteKind(instruction);
      if (site !== undefined) sites.push({ at, kind: site });
      else if (target !== undefined) {
        const tail = flow !== FlowControl.Call;
        if (!tail || target < start || target >= bound) calls.push({ at, target, through: "code", tail });
        else furthest = Math.max(furthest, target);
      }
      this.#noteMemory(at, flow, calls, references);
      if (this.#high > 0) this.#noteImmediates(references);
      const ends = endsFlow(flow);
      returns ||= flow === FlowControl.Return;
      indirectJumps ||= flow === FlowControl.IndirectBranch && !instruction.isIpRelMemoryOperand;
      mayRunOn =
        !ends && (flow === FlowControl.Next || flow === FlowControl.ConditionalBranch || site !== undefined);
      if (isPadding(instruction)) mayRunOn = false;
      const isStub = ends && instruction.isIpRelMemoryOperand && at - start < longestStubBytes;
      return isStub || (ends && (at >= bound || (!exact && at >= furthest)));
    });
    return { start, end, calls, sites, references, returns, indirectJumps };
  }

  #noteMemory(at: number, flow: number, calls: CallSite[], references: Reference[]): void {
    const { instruction } = this;
    const base = instruction.memoryBase;
    if (base === Register.RIP) {
      const target = Number(instruction.ipRelMemoryAddress);
      if (flow === FlowControl.IndirectCall || flow === FlowControl.IndirectBranch) {
        calls.push({ at, target, through: "word", tail: flow !== FlowControl.IndirectCall });
      } else {
        const takes = instruction.mnemonic === Mnemonic.Lea;
        references.push({ target, sizeBytes: takes ? undefined : loadBytes(instruction) });
      }
    } else if (this.#high > 0 && (base === Register.None || instruction.memoryDisplSize >= 4)) {
      const displacement = Number(instruction.memoryDisplacement);
      if (displacement < this.#low || displacement >= this.#high) return;
      const indexed = base !== Register.None || instruction.memoryIndex !== Register.None;
      const isCall = flow === FlowControl.IndirectCall || flow === FlowControl.IndirectBranch;
      if (isCall && !indexed)
        calls.push({ at, target: displacement, through: "word", tail: flow !== FlowControl.IndirectCall });
      else references.push({ target: displacement, sizeBytes: indexed ? undefined : loadBytes(instruction) });
    }
  }

  #noteImmediates(references: Reference[]): void {
    const { instruction } = this;
    const last = instruction.opCount - 1;
    if (last < 0) return;
    const kind = instruction.opKind(last);
    if (kind !== OpKind.Immediate32 && kind !== OpKind.Immediate32to64 && kind !== OpKind.Immediate64) return;
    const value = Number(instruction.immediate(last));
    if (value >= this.#low && value < this.#high) references.push({ target: value, sizeBytes: undefined });
  }

  #decoder(region: Region): Decoder {
    const known = this.#decoders.get(region);
    if (known !== undefined) return known;
    const decoder = new Decoder(64, region.bytes, 0);
    this.#decoders.set(region, decoder);
    return decoder;
  }
}

/** What kind of system call the instruction is, if it is one. */
export function siteKind(instruction: Instruction): SiteKind | undefined {
  switch (instruction.code) {
    case Code.Syscall:
      return "syscall";
    case Code.Sysenter:
      return "sysenter";
    case Code.Int_imm8:
      return instruction.immediate8 === 0x80 ? "int 0x80" : undefined;
    default:
      return undefined;
  }
}

/** The target of a direct call or jump. */
export function directTarget(instruction: Instruction): number | undefined {
  return instruction.op0Kind === OpKind.NearBranch64 ? Number(instruction.nearBranchTarget) : undefined;
}

function isBranch(flow: number): boolean {
  return (
    flow === FlowControl.Call ||
    flow === FlowControl.UnconditionalBranch ||
    flow === FlowControl.ConditionalBranch ||
    flow === FlowControl.XbeginXabortXend
  );
}

/** Whether control never goes on behind the instruction. */
function endsFlow(flow: number): boolean {
  return (
    flow === FlowControl.Return ||
    flow === FlowControl.UnconditionalBranch ||
    flow === FlowControl.IndirectBranch ||
    flow === FlowControl.Exception
  );
}

export function isPadding({ mnemonic }: Instruction): boolean {
  return mnemonic === Mnemonic.Nop || mnemonic === Mnemonic.Int3;
}

/** How much a plain instruction reads; a vector instruction can read several pointers at once. */
function loadBytes(instruction: Instruction): number {
  return instruction.op0Kind === OpKind.Register &&
    instruction.op0Register >= Register.XMM0 &&
    instruction.op0Register <= Register.ZMM31
    ? widestLoadBytes
    : 8;
}
