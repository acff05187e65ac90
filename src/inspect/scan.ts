// SPDX-License-Identifier: MIT
/**
 * What one function does, as far as one look at each of its instructions tells. The range of a function is read from
 * its first to its last byte: compilers put no data in between.
 */
import { Decoder, Flow, Memory, type SiteKind } from "./decode.js";
import { type Module, nextStart, type Region, rangeAt } from "./module.js";
import { plainLength } from "./plain.js";
import { ReferenceKind, References, type SeeReference } from "./references.js";

/** A call, or a jump that leaves the function. */
export interface CallSite {
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

export interface FunctionScan {
  readonly start: number;
  readonly end: number;
  readonly sites: readonly SyscallSite[];
  /** Among those of the module, from the first up to the end. */
  readonly firstReference: number;
  readonly endReference: number;
  readonly returns: boolean;
  /** Jumps whose targets the instruction does not tell: tables, or calls of pointers in tail position. */
  readonly indirectJumps: boolean;
  /** Calls of a pointer that a register or a table holds. */
  readonly indirectCalls: boolean;
}

/** What a scan finds. Calls are apart, since they are forgotten when edges are made of them. */
export interface Scanned {
  readonly scan: FunctionScan;
  readonly calls: readonly CallSite[];
}

interface ScanInProgress extends FunctionScan {
  end: number;
  readonly sites: SyscallSite[];
  endReference: number;
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
  readonly #references = new References();
  readonly #isFixed: boolean;
  /** Programs at fixed addresses mention addresses as plain numbers: those in [low, high). */
  readonly #low: number;
  readonly #high: number;

  constructor(module: Module) {
    this.#module = module;
    this.#isFixed = module.file.kind === "executable";
    this.#low = this.#isFixed ? Math.min(...module.regions.map(({ start }) => start)) : 0;
    this.#high = this.#isFixed ? Math.max(...module.regions.map(({ end }) => end)) : 0;
  }

  /**
   * Scans the function that starts at `start`. Its end is the known one, or where its flow ends. Hand-written
   * code can run on behind the end that its unwind table gives; then that is part of it.
   */
  scan(start: number): Scanned {
    const range = rangeAt(this.#module, start);
    // A target inside a range is an entry of its own, and one range covers the whole procedure linkage table.
    const exact = range?.start === start;
    const bound = range?.end ?? nextStart(this.#module, start);
    const found = emptyScan(start, this.#references.count);
    const decoder = this.#decoderAt(start);
    const calls: CallSite[] = [];
    if (decoder === undefined) return { scan: found, calls };
    const { bytes } = decoder;
    let furthest = start;
    let mayRunOn = true;
    for (let at = start; at - start < longestFunctionBytes && (at < bound || mayRunOn); at = found.end) {
      const length = plainLength(bytes, at - decoder.start, this.#isFixed);
      if (length > 0) {
        found.end = at + length;
        mayRunOn = true;
        continue;
      }
      if (!decoder.read(at)) break;
      found.end = at + decoder.length;
      this.#note(at, decoder, found, calls);
      const { flow, target, memory } = decoder;
      if (flow === Flow.jump || flow === Flow.conditional) {
        if (target >= start && target < bound) furthest = Math.max(furthest, target);
        else calls.push({ at, target, through: "code", tail: true });
      }
      mayRunOn =
        !decoder.isPadding && (flow === Flow.next || flow === Flow.conditional || flow === Flow.site);
      if (!endsFlow(flow)) continue;
      const isStub = memory === Memory.ripRelative && at - start < longestStubBytes;
      if (isStub || at >= bound || (!exact && at >= furthest)) break;
    }
    found.endReference = this.#references.count;
    return { scan: found, calls };
  }

  eachReference({ firstReference, endReference }: FunctionScan, see: SeeReference): void {
    this.#references.forEach(firstReference, endReference, see);
  }

  #note(at: number, decoder: Decoder, found: ScanInProgress, calls: CallSite[]): void {
    const { flow, site, target, memory } = decoder;
    if (site !== undefined) found.sites.push({ at, kind: site });
    else if (flow === Flow.call) calls.push({ at, target, through: "code", tail: false });
    else if (flow === Flow.return) found.returns = true;
    else if (flow === Flow.indirectJump && memory !== Memory.ripRelative) found.indirectJumps = true;
    else if (flow === Flow.indirectCall && memory !== Memory.ripRelative) found.indirectCalls = true;
    if (memory !== Memory.none) this.#noteMemory(at, decoder, calls);
    this.#noteImmediate(decoder);
  }

  #noteMemory(at: number, decoder: Decoder, calls: CallSite[]): void {
    const { memory, address, takesAddress, stores, sizeBytes, flow } = decoder;
    if (memory !== Memory.ripRelative && (address < this.#low || address >= this.#high)) return;
    const isBranch = flow === Flow.indirectJump || flow === Flow.indirectCall;
    if (isBranch && memory !== Memory.indexed) {
      calls.push({ at, target: address, through: "word", tail: flow === Flow.indirectJump });
    } else {
      const takes = takesAddress || memory === Memory.indexed;
      const { address: taken, load, store } = ReferenceKind;
      this.#references.add(address, takes ? taken : stores ? store : load, sizeBytes);
    }
  }

  #noteImmediate({ immediate }: Decoder): void {
    if (immediate === undefined || immediate < this.#low || immediate >= this.#high) return;
    this.#references.add(immediate, ReferenceKind.address, 0);
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

function emptyScan(start: number, references: number): ScanInProgress {
  const none = { returns: false, indirectJumps: false, indirectCalls: false };
  const place = { firstReference: references, endReference: references };
  return { start, end: start, sites: [], ...place, ...none };
}

/** Whether control never goes on behind the instruction. */
function endsFlow(flow: number): boolean {
  return flow === Flow.return || flow === Flow.jump || flow === Flow.indirectJump || flow === Flow.undefined;
}
