// SPDX-License-Identifier: MIT
/**
 * The graph as it is in the scanner's memory: what is known of files goes in as columns of numbers (scanner/modules.ts),
 * and nodes and edges come out by their numbers. A large program has a million edges: as objects they were most of the
 * garbage, and to make them in JavaScript took longer than to look at the code.
 */
import type { Module } from "./module.js";
import type { Questions, Scanner } from "./scanner.js";

/** Which column a number is of, as in scanner/modules.ts. */
const column = {
  regions: 0,
  sectionStarts: 1,
  sectionEnds: 2,
  functionStarts: 3,
  functionEnds: 4,
  calledOutside: 5,
  pointerPlaces: 6,
  pointerTargets: 7,
  pointees: 8,
  boundaries: 9,
} as const;

const mapped = { executable: 1, hasPointers: 2 } as const;
const regionNumbers = 5;

/** Kinds of nodes, as in scanner/nodes.ts. */
const nodeTable = { functions: 0, objects: 1, symbols: 2 } as const;

/** Of a node in memory (scanner/nodes.ts), in units of their size. */
const nodeNumber = { start: 0, end: 1, scanEnd: 2 } as const;
const nodeWord = {
  firstRecord: 6,
  endRecord: 7,
  does: 8,
  module: 9,
  firstEdge: 10,
  endEdge: 11,
  table: 12,
} as const;
const isResolverBits = 0xff0000;

export interface NodeFacts {
  readonly module: number;
  readonly isFunction: boolean;
  readonly start: number;
  readonly end: number;
}

export interface ScanFacts {
  readonly end: number;
  readonly firstRecord: number;
  readonly endRecord: number;
  /** Bits, as in scanner/scan.ts. */
  readonly does: number;
}

/** Told in place of a distance where an address is only taken or held. */
const noCall = 0xffff_ffff;

/** Nodes are their ids. The edges of one node are side by side. */
export class Tables {
  readonly #scanner: Scanner;
  /** Where what is known of each file is. */
  readonly #modules: number[] = [];

  constructor(scanner: Scanner, questions: Questions) {
    this.#scanner = scanner;
    scanner.questions = questions;
  }

  addModule(module: Module): void {
    const { exports } = this.#scanner;
    const { low = 0, high = 0 } = module.code[0] ?? {};
    const place = exports.addModule(module.index, module.file.kind === "executable", low, high);
    this.#modules.push(place);
    const set = (which: number, numbers: Float64Array | Int32Array, each = 1) =>
      exports.setColumn(place, which, this.#scanner.place(bytesOf(numbers)), numbers.length / each);
    set(column.regions, regionsOf(module), regionNumbers);
    set(column.sectionStarts, module.codeSections.starts);
    set(column.sectionEnds, module.codeSections.ends);
    set(column.functionStarts, module.functions.starts);
    set(column.functionEnds, module.functions.ends);
    set(column.calledOutside, module.calledOutside);
    set(column.pointerPlaces, module.pointers.places);
    set(column.pointerTargets, module.pointers.targets);
    set(column.pointees, module.pointers.kinds);
    set(column.boundaries, module.boundaries);
  }

  functionAt(module: Module, start: number): number {
    return this.#scanner.exports.functionAt(this.placeOf(module), start);
  }

  /** The data object that a symbol tells. */
  symbolAt(module: Module, start: number, end: number): number {
    return this.#scanner.exports.findNode(this.placeOf(module), nodeTable.symbols, start, end);
  }

  /** The function at an address, or the object that has it, whose size may be known (else 0); undefined for neither. */
  nodeAround(module: Module, address: number, sizeBytes: number): number | undefined {
    return known(this.#scanner.exports.nodeAround(this.placeOf(module), address, sizeBytes));
  }

  /** What a pointer leads to, by its index. */
  pointee(module: Module, pointer: number): number | undefined {
    return known(this.#scanner.exports.pointee(this.placeOf(module), pointer));
  }

  node(id: number): NodeFacts {
    const place = this.#scanner.exports.nodeAt(id) >>> 0;
    const { words, numbers } = this.#scanner;
    return {
      module: words[(words[place / 4 + nodeWord.module] as number) / 4] as number,
      isFunction: ((words[place / 4 + nodeWord.table] as number) & 0xff) === nodeTable.functions,
      start: numbers[place / 8 + nodeNumber.start] as number,
      end: numbers[place / 8 + nodeNumber.end] as number,
    };
  }

  /** What one look at the code of a function tells. */
  scan(id: number): ScanFacts {
    const place = this.#scanner.exports.scanNode(id) >>> 0;
    const { words, numbers } = this.#scanner;
    return {
      end: numbers[place / 8 + nodeNumber.scanEnd] as number,
      firstRecord: words[place / 4 + nodeWord.firstRecord] as number,
      endRecord: words[place / 4 + nodeWord.endRecord] as number,
      does: words[place / 4 + nodeWord.does] as number,
    };
  }

  /** The calls of a function that were noted (scanner/callers.ts), the last one first. */
  eachCall(callee: number, see: (caller: number, edge: number) => void): void {
    const { words } = this.#scanner;
    let place = this.#scanner.exports.lastCallOf(callee) >>> 0;
    for (; place > 0; place = words[place / 4 + 2] as number)
      see(words[place / 4] as number, words[place / 4 + 1] as number);
  }

  isResolver(id: number): boolean {
    const place = this.#scanner.exports.nodeAt(id) >>> 0;
    return ((this.#scanner.words[place / 4 + nodeWord.table] as number) & isResolverBits) !== 0;
  }

  markResolver(id: number): void {
    this.#scanner.exports.markResolver(id);
  }

  /** The edges of a node are those from here up to `endEdge`. */
  firstEdge(id: number): number {
    const place = this.#scanner.exports.withEdges(id) >>> 0;
    return this.#scanner.words[place / 4 + nodeWord.firstEdge] as number;
  }

  endEdge(id: number): number {
    const place = this.#scanner.exports.withEdges(id) >>> 0;
    return this.#scanner.words[place / 4 + nodeWord.endEdge] as number;
  }

  targetOf(edge: number): number {
    return this.#scanner.words[edge * 2] as number;
  }

  isCall(edge: number): boolean {
    return this.#scanner.words[edge * 2 + 1] !== noCall;
  }

  /** Of a call, from the start of the function. */
  distanceOf(edge: number): number {
    return (this.#scanner.words[edge * 2 + 1] as number) >>> 1;
  }

  /** Whether a call is a jump, which leaves no return address. */
  isTail(edge: number): boolean {
    return this.isCall(edge) && ((this.#scanner.words[edge * 2 + 1] as number) & 1) === 1;
  }

  /** Where what is known of a file is. */
  placeOf({ index }: Module): number {
    return this.#modules[index] as number;
  }
}

function known(id: number): number | undefined {
  return id < 0 ? undefined : id;
}

function regionsOf({ regions, code }: Module): Float64Array {
  const numbers = regions.flatMap(({ start, end, executable, hasPointers }) => {
    const { place = 0, sizeBytes = 0 } = code.find((each) => executable && each.start === start) ?? {};
    const bits = (executable ? mapped.executable : 0) | (hasPointers ? mapped.hasPointers : 0);
    return [start, end, place, sizeBytes, bits];
  });
  return Float64Array.from(numbers);
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array | Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
