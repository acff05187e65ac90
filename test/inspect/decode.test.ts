// SPDX-License-Identifier: MIT
/** The quick decoder, instruction by instruction against iced-x86, over the code of whole files. */
import { readFileSync } from "node:fs";
import * as iced from "iced-x86";
import { describe, expect, test } from "vitest";
import { parseElf } from "../../src/elf/file.js";
import { readFrameRanges } from "../../src/inspect/eh-frame.js";
import { type Module, openModule } from "../../src/inspect/module.js";
import { siteKinds } from "../../src/inspect/records.js";
import { Scanner } from "../../src/inspect/scanner.js";
import { testLimit } from "../support/patience.js";

const { Code, FlowControl, Instruction, Mnemonic, OpKind, Register } = iced;

/** As scanner/decode.ts has them. */
const Flow = {
  next: 0,
  conditional: 1,
  jump: 2,
  indirectJump: 3,
  call: 4,
  indirectCall: 5,
  return: 6,
  site: 7,
  trap: 8,
  undefined: 9,
} as const;
const Memory = { none: 0, ripRelative: 1, absolute: 2, indexed: 3 } as const;

type Field =
  | "length"
  | "flow"
  | "target"
  | "site"
  | "named"
  | "address"
  | "takesAddress"
  | "stores"
  | "sizeBytes"
  | "immediate"
  | "hasImmediate"
  | "isPadding";

interface DecoderExports extends Readonly<Record<Field, { readonly value: number }>> {
  decode(begin: number, end: number, start: number): number;
  plainLength(begin: number, limit: number, fixed: boolean): number;
}

/** The decoder by itself, which the scan has inside. */
class Decoder {
  readonly #scanner = new Scanner();
  readonly #exports = this.#scanner.exports as unknown as DecoderExports;
  readonly #start: number;
  readonly #place: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start: number) {
    this.#start = start;
    this.#place = this.#scanner.place(bytes);
    this.#end = this.#place + bytes.length;
  }

  read(address: number): boolean {
    return this.#exports.decode(this.#place + address - this.#start, this.#end, address) !== 0;
  }

  plainLength(address: number, fixed: boolean): number {
    return this.#exports.plainLength(this.#place + address - this.#start, this.#end, fixed);
  }

  get(field: Field): number {
    return this.#exports[field].value;
  }
}

const flows = new Map<number, number>([
  [FlowControl.Next, Flow.next],
  [FlowControl.ConditionalBranch, Flow.conditional],
  [FlowControl.XbeginXabortXend, Flow.conditional],
  [FlowControl.UnconditionalBranch, Flow.jump],
  [FlowControl.IndirectBranch, Flow.indirectJump],
  [FlowControl.Call, Flow.call],
  [FlowControl.IndirectCall, Flow.indirectCall],
  [FlowControl.Return, Flow.return],
  [FlowControl.Interrupt, Flow.trap],
  [FlowControl.Exception, Flow.undefined],
]);

const sites = new Map<number, string>([
  [Code.Syscall, "syscall"],
  [Code.Sysenter, "sysenter"],
]);

function describeByIced(instruction: iced.Instruction) {
  const hasMemory = [0, 1, 2, 3].some(
    (operand) => operand < instruction.opCount && instruction.opKind(operand) === OpKind.Memory,
  );
  const ripRelative = instruction.memoryBase === Register.RIP;
  const named = hasMemory && (ripRelative || instruction.memoryDisplSize >= 4);
  const indexed = instruction.memoryBase !== Register.None || instruction.memoryIndex !== Register.None;
  const is32BitCall = instruction.code === Code.Int_imm8 && instruction.immediate8 === 0x80;
  const site = is32BitCall ? "int 0x80" : sites.get(instruction.code);
  return {
    length: instruction.length,
    flow: site === undefined ? flows.get(instruction.flowControl) : Flow.site,
    site,
    target: instruction.op0Kind === OpKind.NearBranch64 ? Number(instruction.nearBranchTarget) : undefined,
    memory: !named
      ? Memory.none
      : ripRelative
        ? Memory.ripRelative
        : indexed
          ? Memory.indexed
          : Memory.absolute,
    address: !named
      ? undefined
      : Number(
          ripRelative
            ? instruction.ipRelMemoryAddress
            : BigInt.asIntN(instruction.memoryDisplSize === 8 ? 64 : 32, instruction.memoryDisplacement),
        ),
    takesAddress: named && instruction.mnemonic === Mnemonic.Lea,
    isPadding: instruction.mnemonic === Mnemonic.Nop || instruction.mnemonic === Mnemonic.Int3,
  };
}

function describeByUs(decoder: Decoder) {
  const flow = decoder.get("flow");
  const memory = decoder.get("named");
  const branches = flow === Flow.call || flow === Flow.jump || flow === Flow.conditional;
  return {
    length: decoder.get("length"),
    flow,
    site: siteKinds[decoder.get("site") - 1],
    target: branches ? decoder.get("target") : undefined,
    memory,
    address: memory === Memory.none ? undefined : decoder.get("address"),
    takesAddress: memory !== Memory.none && decoder.get("takesAddress") !== 0,
    isPadding: decoder.get("isPadding") !== 0,
  };
}

/** Immediates of 32 and 64 bits, as the analysis uses them: could they be an address below 4 GiB? */
function immediateOf(instruction: iced.Instruction): number | undefined {
  const last = instruction.opCount - 1;
  const kind = last < 0 ? undefined : instruction.opKind(last);
  const isWide =
    kind === OpKind.Immediate32 || kind === OpKind.Immediate32to64 || kind === OpKind.Immediate64;
  const value = isWide ? Number(instruction.immediate(last)) : undefined;
  return value !== undefined && value < 2 ** 31 ? value : undefined;
}

/** Of what is at most as long as a vector register. */
function sizeByIced(instruction: iced.Instruction): number {
  const size = iced.MemorySizeExt.size(instruction.memorySize);
  return size > 64 ? 0 : size;
}

const information = new iced.InstructionInfoFactory();

function readsMemory(instruction: iced.Instruction): boolean {
  const info = information.info(instruction);
  const reads = info.usedMemory().some(({ access }) => access !== iced.OpAccess.Write);
  info.free();
  return reads;
}

interface Seen {
  count: number;
  plain: number;
  readonly differences: string[];
}

function compare(module: Module): Seen {
  const seen: Seen = { count: 0, plain: 0, differences: [] };
  const fixed = module.file.kind === "executable";
  for (const region of module.regions.filter(({ executable }) => executable)) {
    const ours = new Decoder(region.bytes, region.start);
    const theirs = new iced.Decoder(64, region.bytes, 0);
    const instruction = new Instruction();
    module.functions.starts.forEach((start, index) => {
      const end = module.functions.ends[index] ?? start;
      if (start < region.start || end > region.start + region.bytes.length) return;
      theirs.position = start - region.start;
      theirs.ip = BigInt(start);
      for (let at = start; at < end; at += instruction.length) {
        theirs.decodeOut(instruction);
        // Data between functions of hand-written code: nothing says where code goes on.
        if (instruction.code === Code.INVALID) return;
        seen.count++;
        if (!ours.read(at)) seen.differences.push(`${at.toString(16)}: is not read`);
        const expected = { ...describeByIced(instruction), immediate: immediateOf(instruction) };
        const immediate = expected.immediate === undefined ? undefined : ours.get("immediate");
        const found = { ...describeByUs(ours), immediate };
        for (const key of Object.keys(expected) as (keyof typeof expected)[]) {
          if (found[key] === expected[key]) continue;
          seen.differences.push(`${at.toString(16)}: ${key} ${found[key]} in place of ${expected[key]}`);
        }
        const accessed = sizeByIced(instruction);
        if (found.memory !== Memory.none && !found.takesAddress && accessed > ours.get("sizeBytes")) {
          seen.differences.push(`${at.toString(16)}: ${accessed} bytes, not ${ours.get("sizeBytes")}`);
        }
        if (found.memory !== Memory.none && ours.get("stores") && readsMemory(instruction)) {
          seen.differences.push(`${at.toString(16)}: does more than to store`);
        }
        const plain = ours.plainLength(at, fixed);
        if (plain === 0) continue;
        seen.plain++;
        const mayName = fixed
          ? found.memory !== Memory.none || immediate !== undefined
          : found.memory === Memory.ripRelative;
        if (plain !== instruction.length || found.flow !== Flow.next || found.isPadding || mayName) {
          seen.differences.push(`${at.toString(16)}: is not plain, or not of ${plain} bytes`);
        }
      }
    });
    theirs.free();
    instruction.free();
  }
  return seen;
}

describe("the quick decoder agrees with the full one", () => {
  test.each([
    ["/lib64/ld-linux-x86-64.so.2", 20_000],
    ["/lib/x86_64-linux-gnu/libc.so.6", 200_000],
    // AVX-512, FMA and x87.
    ["/lib/x86_64-linux-gnu/libm.so.6", 80_000],
    // At a fixed address: absolute operands.
    ["/bin/busybox", 200_000],
  ])("%s", { timeout: testLimit(120_000) }, (path, leastInstructions) => {
    const file = parseElf(readFileSync(path), path);
    const { count, plain, differences } = compare(openModule(0, path, file, readFrameRanges(file)));
    expect(differences.slice(0, 10)).toEqual([]);
    expect(count).toBeGreaterThan(leastInstructions);
    expect(plain).toBeGreaterThan(leastInstructions / 2);
  });
});

/** Where instructions begin, and where control goes from those that end a block, by both: of functions that iced reads to their end. */
function compareSurveys(module: Module): Seen {
  const seen: Seen = { count: 0, plain: 0, differences: [] };
  const instruction = new Instruction();
  for (const code of module.code) {
    const region = module.regions.find(({ executable, start }) => executable && start === code.start);
    if (region === undefined) continue;
    const theirs = new iced.Decoder(64, region.bytes, 0);
    module.functions.starts.forEach((start, index) => {
      const end = module.functions.ends[index] ?? start;
      if (start < code.start || end > code.start + code.sizeBytes || end <= start) return;
      const expected = { starts: new Uint8Array(end - start), branches: [] as string[] };
      theirs.position = start - region.start;
      theirs.ip = BigInt(start);
      for (let at = start; at < end; at += instruction.length) {
        theirs.decodeOut(instruction);
        if (instruction.code === Code.INVALID) return;
        expected.starts[at - start] = 1;
        const { flow, target, length } = describeByIced(instruction);
        const isBranch = flow !== Flow.next && flow !== Flow.trap && flow !== Flow.site;
        const known = flow === Flow.jump || flow === Flow.conditional ? target : Number.NaN;
        if (isBranch) expected.branches.push(`${at - start} ${flow} ${known} ${length}`);
      }
      const { scanner } = module;
      const { starts, firstRecord, endRecord } = scanner.survey(code, start, end);
      const branches: string[] = [];
      for (let record = firstRecord; record < endRecord; record++) {
        const kind = scanner.kindOf(record);
        if (kind === Flow.next) continue;
        branches.push(
          `${scanner.distanceOf(record)} ${kind} ${scanner.targetOf(record)} ${scanner.sizeOf(record)}`,
        );
      }
      seen.count += branches.length;
      const name = start.toString(16);
      if (Buffer.compare(starts, expected.starts) !== 0) seen.differences.push(`${name}: instructions`);
      if (branches.join() !== expected.branches.join()) {
        seen.differences.push(`${name}: ${branches.join()} in place of ${expected.branches.join()}`);
      }
    });
    theirs.free();
  }
  instruction.free();
  return seen;
}

describe("a survey of each function finds its instructions and branches", () => {
  test.each([
    ["/lib/x86_64-linux-gnu/libc.so.6", 60_000],
    ["/bin/busybox", 40_000],
  ])("%s", { timeout: testLimit(120_000) }, (path, leastBranches) => {
    const file = parseElf(readFileSync(path), path);
    const { count, differences } = compareSurveys(openModule(0, path, file, readFrameRanges(file)));
    expect(differences.slice(0, 3)).toEqual([]);
    expect(count).toBeGreaterThan(leastBranches);
  });
});

describe("the quick decoder on bytes that are no instruction", () => {
  test("the end of the bytes in the middle of an instruction", () => {
    expect(new Decoder(Uint8Array.of(0xe8, 0, 0), 0x1000).read(0x1000)).toBe(false);
  });

  test.each([
    ["an opcode that long mode has not", [0x06, 0x90]],
    ["more prefixes than an instruction can have", new Array<number>(16).fill(0x66)],
  ])("%s", (_, bytes) => {
    const decoder = new Decoder(Uint8Array.from([...bytes, 0x90, 0x90, 0x90]), 0x1000);
    expect(decoder.read(0x1000)).toBe(true);
    expect(decoder.get("flow")).toBe(Flow.undefined);
  });
});
