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
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** What scanner/index.ts exports; places are in its memory. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly answer: { readonly value: number };
  reserve(bytes: number): number;
  open(place: number, bytes: number, start: number, low: number, high: number): void;
  scan(from: number, bound: number, exact: boolean): number;
  calledOutside(end: number, starts: number, ends: number, count: number): number;
  relativeAddresses(low: number, high: number): number;
  absoluteAddresses(low: number, high: number): number;
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

const recordBytes = 16;

const compiled = once(
  () => new WebAssembly.Module(readFileSync(new URL("../../scanner/scanner.wasm", import.meta.url))),
);

/** One serves all files of an inspection, and its memory goes with it. */
export class Scanner {
  readonly exports = new WebAssembly.Instance(compiled()).exports as Exports;
  readonly #answer = this.exports.answer.value / 4;
  #bytes = new Uint8Array();
  #words = new Uint32Array();
  #numbers = new Float64Array();
  #opened: ScannedCode | undefined;

  /** Takes a copy of bytes. */
  place(bytes: Uint8Array): number {
    const place = this.exports.reserve(bytes.length);
    this.#look();
    this.#bytes.set(bytes, place);
    return place;
  }

  /**
   * Scans the function at an address of `code`. Its end is `bound`, or where its flow ends: unless `exact`, that tells.
   * Returns how long it is; its records are those up to `recordsEnd`.
   */
  scan(code: ScannedCode, start: number, bound: number, exact: boolean): number {
    this.#open(code);
    const sizeBytes = this.exports.scan(start - code.start, bound, exact);
    this.#look();
    return sizeBytes;
  }

  /** Where the next record comes, counted in records. */
  get recordsEnd(): number {
    return (this.#words[this.#answer] as number) / recordBytes;
  }

  /** What the last scan told of its function: bits of `Does`. */
  get does(): number {
    return this.#words[this.#answer + 1] as number;
  }

  targetOf(record: number): number {
    return this.#numbers[record * 2] as number;
  }

  /** From the start of its function. */
  distanceOf(record: number): number {
    return this.#words[record * 4 + 2] as number;
  }

  kindOf(record: number): number {
    return this.#bytes[record * recordBytes + 12] as number;
  }

  sizeOf(record: number): number {
    return this.#bytes[record * recordBytes + 13] as number;
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

  #found(count: number): Float64Array {
    this.#look();
    const first = this.recordsEnd * 2;
    return this.#numbers.slice(first, first + count);
  }

  #open(code: ScannedCode): void {
    if (code === this.#opened) return;
    this.#opened = code;
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
