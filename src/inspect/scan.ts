// SPDX-License-Identifier: MIT
/**
 * What one function does, as far as one look at each of its instructions tells. The range of a function is read from
 * its first to its last byte: compilers put no data in between.
 */
import { Decoder, Flow, Memory, type SiteKind } from "./decode.js";
import { type Module, nextStart, type Region, rangeAt } from "./module.js";

/** A call, or a jump that leaves the function. */
interface CallSite {
  readonly at: number;
  /** Address of the code, or of the word that holds its address. */
  readonly target: number;
  readonly through: "code" | "word";
  /** A jump: it leaves no return address. */
  readonly tail: boolean;
}

export interface SyscallSite {
  readonly at: number;
  readonly kind: SiteKind;
}

/** An address that code mentions: it takes it, or it reads or only writes at most `sizeBytes` there. */
export interface Reference {
  readonly target: number;
  readonly kind: "address" | "load" | "store";
  readonly sizeBytes: number;
}

export interface FunctionScan {
  readonly start: number;
  readonly end: number;
  readonly calls: readonly CallSite[];
  readonly sites: readonly SyscallSite[];
  readonly references: readonly Reference[];
  readonly returns: boolean;
  /** Jumps whose targets the instruction does not tell: tables, or calls of pointers in tail position. */
  readonly indirectJumps: boolean;
  /** Calls of a pointer that a register or a table holds. */
  readonly indirectCalls: boolean;
}

interface ScanInProgress extends FunctionScan {
  end: number;
  readonly calls: CallSite[];
  readonly sites: SyscallSite[];
  readonly references: Reference[];
  returns: boolean;
  indirectJumps: boolean;
  indirectCalls: boolean;
}

/** No function is longer; a decoding that runs away stops here. */
export const longestFunctionBytes = 1 << 22;
/** An entry of the procedure linkage table: `endbr64` and a jump. */
const longestStubBytes = 12;

export class FunctionScanner {
  readonly #module: Module;
  readonly #decoders = new Map<Region, Decoder>();
  /** Programs at fixed addresses mention addresses as plain numbers: those in [low, high). */
  readonly #low: number;
  readonly #high: number;

  constructor(module: Module) {
    this.#module = module;
    const fixed = module.file.kind === "executable";
    this.#low = fixed ? Math.min(...module.regions.map(({ start }) => start)) : 0;
    this.#high = fixed ? Math.max(...module.regions.map(({ end }) => end)) : 0;
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
    const found = emptyScan(start);
    const decoder = this.#decoderAt(start);
    if (decoder === undefined) return found;
    let furthest = start;
    let mayRunOn = true;
    for (let at = start; at - start < longestFunctionBytes && (at < bound || mayRunOn); at = found.end) {
      if (!decoder.read(at)) break;
      found.end = at + decoder.length;
      this.#note(at, decoder, found);
      const { flow, target, memory } = decoder;
      if (flow === Flow.jump || flow === Flow.conditional) {
        if (target >= start && target < bound) furthest = Math.max(furthest, target);
        else found.calls.push({ at, target, through: "code", tail: true });
      }
      mayRunOn =
        !decoder.isPadding && (flow === Flow.next || flow === Flow.conditional || flow === Flow.site);
      if (!endsFlow(flow)) continue;
      const isStub = memory === Memory.ripRelative && at - start < longestStubBytes;
      if (isStub || at >= bound || (!exact && at >= furthest)) break;
    }
    return found;
  }

  #note(at: number, decoder: Decoder, found: ScanInProgress): void {
    const { flow, site, target, memory } = decoder;
    if (site !== undefined) found.sites.push({ at, kind: site });
    else if (flow === Flow.call) found.calls.push({ at, target, through: "code", tail: false });
    else if (flow === Flow.return) found.returns = true;
    else if (flow === Flow.indirectJump && memory !== Memory.ripRelative) found.indirectJumps = true;
    else if (flow === Flow.indirectCall && memory !== Memory.ripRelative) found.indirectCalls = true;
    if (memory !== Memory.none) this.#noteMemory(at, decoder, found);
    this.#noteImmediate(decoder, found.references);
  }

  #noteMemory(at: number, decoder: Decoder, { calls, references }: ScanInProgress): void {
    const { memory, address, takesAddress, stores, sizeBytes, flow } = decoder;
    if (memory !== Memory.ripRelative && (address < this.#low || address >= this.#high)) return;
    const isBranch = flow === Flow.indirectJump || flow === Flow.indirectCall;
    if (isBranch && memory !== Memory.indexed) {
      calls.push({ at, target: address, through: "word", tail: flow === Flow.indirectJump });
    } else {
      const takes = takesAddress || memory === Memory.indexed;
      references.push({ target: address, kind: takes ? "address" : stores ? "store" : "load", sizeBytes });
    }
  }

  #noteImmediate({ immediate }: Decoder, references: Reference[]): void {
    if (immediate === undefined || immediate < this.#low || immediate >= this.#high) return;
    references.push({ target: immediate, kind: "address", sizeBytes: 0 });
  }

  #decoderAt(address: number): Decoder | undefined {
    const region = this.#module.regions.find(
      ({ executable, start, bytes }) => executable && address >= start && address - start < bytes.length,
    );
    if (region === undefined) return undefined;
    const known = this.#decoders.get(region);
    if (known !== undefined) return known;
    const decoder = new Decoder(region.bytes, region.start);
    this.#decoders.set(region, decoder);
    return decoder;
  }
}

function emptyScan(start: number): ScanInProgress {
  const none = { returns: false, indirectJumps: false, indirectCalls: false };
  return { start, end: start, calls: [], sites: [], references: [], ...none };
}

/** Whether control never goes on behind the instruction. */
function endsFlow(flow: number): boolean {
  return flow === Flow.return || flow === Flow.jump || flow === Flow.indirectJump || flow === Flow.undefined;
}
