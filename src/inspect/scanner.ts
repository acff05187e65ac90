// SPDX-License-Identifier: MIT
/**
 * The first look at machine code, which WebAssembly takes (scanner/): each instruction that can run is looked at once,
 * and JavaScript would be through before its compilers have seen the code that does it. What is found stays in the
 * memory of the WebAssembly instance.
 */
import { readFileSync } from "node:fs";
import { once } from "../elf/lazy.js";
import type { FunctionRanges } from "./module.js";

/** The types of Node leave it out. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/** What is asked while the graph is made (scanner/edges.ts, scanner/reach.ts): nodes are their ids, modules their indices. */
export interface Questions {
  /** What the symbol that a pointer names is bound to; -1 for nothing. */
  bind(module: number, pointer: number): number;
  /** Whether an edge to a guarded node is followed. */
  passes(from: number, target: number, isCall: number): boolean;
}

/** What scanner/index.ts exports; places are in its memory. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly answer: { readonly value: number };
  reserve(bytes: number): number;
  open(place: number, bytes: number, start: number, low: number, high: number): void;
  calledOutside(end: number, starts: number, ends: number, count: number): number;
  relativeAddresses(low: number, high: number): number;
  absoluteAddresses(low: number, high: number): number;
  nextRecord(): number;
  survey(from: number, sizeBytes: number): number;
  readonly surveyedBytes: { readonly value: number };
  readonly surveyedFrom: { readonly value: number };
  addModule(index: number, isFixed: boolean, low: number, high: number): number;
  setColumn(module: number, which: number, place: number, length: number): void;
  findNode(module: number, table: number, start: number, end: number): number;
  functionAt(module: number, start: number): number;
  nodeAround(module: number, address: number, sizeBytes: number): number;
  pointee(module: number, pointer: number): number;
  nodeAt(id: number): number;
  scanNode(id: number): number;
  withEdges(id: number): number;
  markResolver(id: number): void;
  guard(id: number, isGuarded: boolean): void;
  newReach(): number;
  addToReach(reach: number, id: number, from: number, isTaken: boolean): void;
  uniteReach(reach: number, other: number): void;
  spread(reach: number, first: number): void;
  entersGuarded(reach: number): number;
  functionsReached(reach: number, module: number, does: number): number;
  holdersOf(reach: number, target: number): number;
  mentions(reach: number, module: number, lastKind: number): number;
  noteCallers(reach: number): void;
  lastCallOf(id: number): number;
  countReached(reach: number): number;
  placesReached(reach: number): number;
  placeInReach(reach: number, id: number): number;
  fromInReach(reach: number, place: number): number;
  isTakenInReach(reach: number, place: number): number;
}

/** Code that a scanner has a copy of. */
export interface ScannedCode {
  readonly place: number;
  readonly sizeBytes: number;
  /** The addresses it is mapped at, which can be more than it has bytes. */
  readonly start: number;
  readonly end: number;
  /** Programs at fixed addresses mention addresses as plain numbers: those in [low, high). */
  readonly low: number;
  readonly high: number;
}

const compiled = once(
  () => new WebAssembly.Module(readFileSync(new URL("../../scanner/scanner.wasm", import.meta.url))),
);

export interface Survey {
  /** For each byte 1 where an instruction begins. */
  readonly starts: Uint8Array;
  /** Behind the last instruction. */
  readonly end: number;
  /** Those of the addresses that are named, which are of kind 0, and of jumps and calls, which are of a kind of `Flow`. */
  readonly firstRecord: number;
  readonly endRecord: number;
}

/** Where control goes behind an instruction, as in scanner/decode.ts. */
export const Flow = { next: 0, conditional: 1, jump: 2, indirectJump: 3, call: 4, indirectCall: 5 } as const;

/** One serves all files of an inspection, and its memory goes with it. */
export class Scanner {
  questions: Questions | undefined;
  readonly exports = new WebAssembly.Instance(compiled(), {
    edges: {
      bind: (module: number, pointer: number) => this.questions?.bind(module, pointer) ?? -1,
    },
    reach: {
      passes: (from: number, target: number, isCall: number) =>
        this.questions?.passes(from >>> 0, target >>> 0, isCall) ?? true,
    },
  }).exports as Exports;
  readonly #answer = this.exports.answer.value / 4;
  #bytes = new Uint8Array();
  #words = new Uint32Array();
  #numbers = new Float64Array();

  /** Takes a copy of bytes. */
  place(bytes: Uint8Array): number {
    const place = this.exports.reserve(bytes.length) >>> 0;
    this.#look();
    this.#bytes.set(bytes, place);
    return place;
  }

  /** All memory, in words and in numbers of 8 bytes. It is another array after every growth. */
  get words(): Uint32Array {
    this.#look();
    return this.#words;
  }

  get numbers(): Float64Array {
    this.#look();
    return this.#numbers;
  }

  targetOf(record: number): number {
    return this.numbers[record * 2] as number;
  }

  /** From the start of its function. */
  distanceOf(record: number): number {
    return this.words[record * 4 + 2] as number;
  }

  kindOf(record: number): number {
    return (this.words[record * 4 + 3] as number) & 0xff;
  }

  sizeOf(record: number): number {
    return ((this.words[record * 4 + 3] as number) >>> 8) & 0xff;
  }

  /** The targets of direct calls in the code that are in none of the functions, some of them several times. */
  calledOutside(code: ScannedCode, { starts, ends }: FunctionRanges): Float64Array {
    const startsPlace = this.place(bytesOf(starts));
    const endsPlace = this.place(bytesOf(ends));
    this.#open(code);
    return this.#found(this.exports.calledOutside(code.end, startsPlace, endsPlace, starts.length));
  }

  /** The addresses in [low, high) that code takes, some of them several times. */
  takenAddresses(code: ScannedCode, low: number, high: number): readonly Float64Array[] {
    this.#open(code);
    const relative = this.#found(this.exports.relativeAddresses(low, high));
    if (code.high <= code.low) return [relative];
    return [relative, this.#found(this.exports.absoluteAddresses(low, high))];
  }

  /** The ids that were answered. */
  ids(count: number): Uint32Array {
    const { words } = this;
    const first = (words[this.#answer] as number) / 4;
    return words.slice(first, first + count);
  }

  /** The numbers of 8 bytes that were answered, and the same as words. */
  pairs(count: number): { readonly numbers: Float64Array; readonly words: Uint32Array } {
    const first = (this.words[this.#answer] as number) / 8;
    const numbers = this.numbers.slice(first, first + 2 * count);
    return { numbers, words: new Uint32Array(numbers.buffer) };
  }

  /** Looks at where control goes in [start, end) of the code (scanner/survey.ts). */
  survey(code: ScannedCode, start: number, end: number): Survey {
    this.#open(code);
    const place = this.exports.survey(start - code.start, end - start) >>> 0;
    const sizeBytes = this.exports.surveyedBytes.value;
    const firstRecord = this.exports.surveyedFrom.value;
    this.#look();
    const starts = this.#bytes.subarray(place, place + end - start).slice();
    return { starts, end: start + sizeBytes, firstRecord, endRecord: this.exports.nextRecord() };
  }

  #found(count: number): Float64Array {
    const { words, numbers } = this;
    const first = (words[this.#answer] as number) / 8;
    return numbers.slice(first, first + count);
  }

  #open(code: ScannedCode): void {
    this.exports.open(code.place, code.sizeBytes, code.start, code.low, code.high);
  }

  /** Memory that grows is elsewhere afterwards. */
  #look(): void {
    if (this.#bytes.length > 0) return;
    const { buffer } = this.exports.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#numbers = new Float64Array(buffer);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
