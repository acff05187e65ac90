// SPDX-License-Identifier: MIT
/**
 * Who leads to whom: functions and data objects of all modules, joined by calls, by addresses that code takes,
 * and by pointers in data. A data object counts from the moment that something live refers to it.
 */
import { CodeReader } from "./code.js";
import { Edges } from "./edges.js";
import { Flow } from "./flow.js";
import { isCode, type Module, mayBeCode, objectAt, type Pointer, rangeAt, regionAt } from "./module.js";
import { RecordKind, type SeeReference } from "./records.js";
import { eachReference, type FunctionScan, scanFunction } from "./scan.js";
import { lowerBound } from "./sorted.js";

/** Finds the definition that a reference binds to. */
interface Binding {
  readonly module: number;
  readonly value: number;
  readonly sizeBytes: number;
  /** An IFUNC: its value is the function that picks the one to use. */
  readonly isResolver: boolean;
}
export type Bind = (name: string, version: string | undefined) => Binding | undefined;

export interface GraphNode {
  readonly id: number;
  readonly module: Module;
  readonly kind: "function" | "object";
  readonly start: number;
  readonly end: number;
}

/** `at` is the calling instruction, absent where an address is only taken or held. */
export interface Edge {
  readonly target: GraphNode;
  readonly at: number | undefined;
  /** For a jump, which leaves no return address. */
  readonly tail: boolean;
}

type NodeTable = "functions" | "objects" | "symbols";

/** A node with what is computed of it once it is asked for. */
interface KnownNode extends GraphNode {
  scan: FunctionScan | undefined;
  /** Among those of the graph; negative as long as it has none yet. */
  firstEdge: number;
  endEdge: number;
  neverReturns: boolean | undefined;
  flow: Flow | undefined;
}

export class Graph {
  readonly modules: Module[] = [];
  readonly #readers: CodeReader[] = [];
  /** By id. */
  readonly #known: KnownNode[] = [];
  readonly columns = new Edges();
  #bind: Bind;
  /** For each module by start. An object is as long as its symbol says, or else up to where the next one begins. */
  readonly #nodes: Readonly<Record<NodeTable, Map<number, GraphNode>[]>> = {
    functions: [],
    objects: [],
    symbols: [],
  };
  readonly #resolvers = new Set<GraphNode>();
  /** For each module what its pointers lead to, as far as they were asked for. */
  readonly #pointees: (GraphNode | undefined)[][] = [];

  constructor(modules: readonly Module[], bind: Bind) {
    this.#bind = bind;
    this.extend(modules, bind);
  }

  /** Adds what is loaded later. What is there is bound already, and stays as it is. */
  extend(modules: readonly Module[], bind: Bind): void {
    this.#bind = bind;
    for (const module of modules) {
      this.modules.push(module);
      this.#readers.push(new CodeReader(module));
      this.#pointees.push(new Array(module.pointers.length));
      for (const tables of Object.values(this.#nodes)) tables.push(new Map());
    }
  }

  free(): void {
    for (const reader of this.#readers) reader.free();
  }

  functionAt(module: Module, start: number): GraphNode {
    const known = this.#nodes.functions[module.index]?.get(start);
    return known ?? this.#node(module, "functions", start, rangeAt(module, start)?.end ?? start);
  }

  /** The function that a symbol is bound to. */
  functionNamed(name: string): GraphNode | undefined {
    const bound = this.#bind(name, undefined);
    const module = bound && this.modules[bound.module];
    return module && bound && this.functionAt(module, bound.value);
  }

  /** The data object that a symbol is bound to. */
  objectNamed(name: string): GraphNode | undefined {
    const bound = this.#bind(name, undefined);
    const module = bound && this.modules[bound.module];
    if (module === undefined || bound === undefined) return undefined;
    return this.#node(module, "symbols", bound.value, bound.value + bound.sizeBytes);
  }

  /** Whether a function was met as one that picks another (STT_GNU_IFUNC, R_X86_64_IRELATIVE). */
  isResolver(node: GraphNode): boolean {
    return this.#resolvers.has(node);
  }

  scan(node: GraphNode): FunctionScan {
    const facts = this.#factsOf(node);
    facts.scan ??= scanFunction(node.module, node.start);
    return facts.scan;
  }

  /** Tells each address that a function mentions. */
  eachReference(node: GraphNode, see: SeeReference): void {
    eachReference(node.module, this.scan(node), see);
  }

  /** The flow of values through a function. */
  flow(node: GraphNode): Flow {
    const facts = this.#factsOf(node);
    facts.flow ??= this.#makeFlow(node);
    return facts.flow;
  }

  #makeFlow(node: GraphNode): Flow {
    const { start, end } = this.scan(node);
    const final = new Set<number>();
    for (const { at, tail, target } of this.edges(node)) {
      if (at !== undefined && !tail && this.neverReturns(target)) final.add(at);
    }
    const reader = this.#readers[node.module.index] as CodeReader;
    return new Flow(node.module, reader, { start, end }, (at) => !final.has(at));
  }

  /**
   * Whether the function never comes back: it has no return, and what it jumps to does not either. Depth is
   * limited; where that is reached it is taken to return, which is the safe side.
   */
  neverReturns(node: GraphNode, depth = 3): boolean {
    const facts = this.#factsOf(node);
    if (facts.neverReturns !== undefined) return facts.neverReturns;
    if (node.kind !== "function" || depth === 0) return false;
    const { returns, indirectJumps } = this.scan(node);
    const tails = this.edges(node).filter(({ tail }) => tail);
    facts.neverReturns =
      !returns && !indirectJumps && tails.every(({ target }) => this.neverReturns(target, depth - 1));
    return facts.neverReturns;
  }

  /** The edges of a node as objects, for those who look at few. */
  edges(node: GraphNode): readonly Edge[] {
    const { start } = node;
    const { columns } = this;
    const edges: Edge[] = [];
    const end = this.endEdge(node);
    for (let edge = this.firstEdge(node); edge < end; edge++) {
      const at = columns.isCall(edge) ? start + columns.distanceOf(edge) : undefined;
      edges.push({ target: this.targetOfEdge(edge), at, tail: columns.isTail(edge) });
    }
    return edges;
  }

  /** The edges of a node are those of `columns` from here up to `endEdge`. */
  firstEdge(node: GraphNode): number {
    const facts = this.#factsOf(node);
    if (facts.firstEdge < 0) this.#addEdges(facts);
    return facts.firstEdge;
  }

  endEdge(node: GraphNode): number {
    const facts = this.#factsOf(node);
    if (facts.firstEdge < 0) this.#addEdges(facts);
    return facts.endEdge;
  }

  targetOfEdge(edge: number): GraphNode {
    return this.#known[this.columns.targetOf(edge)] as GraphNode;
  }

  /** All nodes are made here. */
  #factsOf(node: GraphNode): KnownNode {
    return node as KnownNode;
  }

  #addEdges(facts: KnownNode): void {
    const first = this.columns.count;
    if (facts.kind === "function") this.#addFunctionEdges(facts);
    else this.#addPointers(facts.module, facts.start, facts.end);
    facts.firstEdge = first;
    facts.endEdge = this.columns.count;
  }

  /** Calls come first, in the order of the code, and then what it mentions. */
  #addFunctionEdges(node: GraphNode): void {
    const { module } = node;
    const { scanner } = module;
    const { start, end, firstRecord, endRecord } = this.scan(node);
    for (let record = firstRecord; record < endRecord; record++) {
      const kind = scanner.kindOf(record);
      if (kind < RecordKind.call || kind > RecordKind.jumpThroughWord) continue;
      const target = scanner.targetOf(record);
      const callee =
        kind <= RecordKind.jump ? this.#calledAt(module, target) : this.#pointeeAt(module, target);
      const isTail = kind === RecordKind.jump || kind === RecordKind.jumpThroughWord;
      if (callee !== undefined) this.columns.addCall(callee.id, scanner.distanceOf(record), isTail);
    }
    for (let record = firstRecord; record < endRecord; record++) {
      const kind = scanner.kindOf(record);
      if (kind > RecordKind.load) continue;
      const target = scanner.targetOf(record);
      if (target >= start && target < end) continue;
      this.#addReference(module, target, kind === RecordKind.load ? scanner.sizeOf(record) : undefined);
    }
  }

  #calledAt(module: Module, address: number): GraphNode | undefined {
    return isCode(module, address) ? this.functionAt(module, address) : undefined;
  }

  /** Of an address that is taken, or at which so many bytes are read. */
  #addReference(module: Module, target: number, readBytes: number | undefined): void {
    const region = regionAt(module, target);
    if (region === undefined) return;
    if (region.executable) {
      if (readBytes === undefined && this.#mayBegin(module, target))
        this.columns.addHeld(this.functionAt(module, target).id);
      return;
    }
    if (!region.hasPointers) return;
    if (readBytes !== undefined) {
      this.#addPointers(module, target, target + readBytes);
      return;
    }
    const extent = objectAt(module, target);
    const { pointerPlaces } = module;
    if (!((pointerPlaces[lowerBound(pointerPlaces, extent.start)] ?? extent.end) < extent.end)) return;
    this.columns.addHeld(this.#node(module, "objects", extent.start, extent.end).id);
  }

  /** What the pointers in [start, end) lead to. */
  pointeesBetween(module: Module, start: number, end: number): readonly GraphNode[] {
    const { pointerPlaces } = module;
    const pointees: GraphNode[] = [];
    for (let index = lowerBound(pointerPlaces, start); index < lowerBound(pointerPlaces, end); index++) {
      const target = this.#pointee(module, index);
      if (target !== undefined) pointees.push(target);
    }
    return pointees;
  }

  #addPointers(module: Module, start: number, end: number): void {
    const { pointerPlaces } = module;
    for (let index = lowerBound(pointerPlaces, start); index < pointerPlaces.length; index++) {
      if ((pointerPlaces[index] as number) >= end) return;
      const target = this.#pointee(module, index);
      if (target !== undefined) this.columns.addHeld(target.id);
    }
  }

  /** What the word at `place` points to. */
  #pointeeAt(module: Module, place: number): GraphNode | undefined {
    const index = lowerBound(module.pointerPlaces, place);
    return module.pointerPlaces[index] === place ? this.#pointee(module, index) : undefined;
  }

  /** What a pointer leads to. What is bound once stays; what is not may be when more is loaded. */
  #pointee(module: Module, index: number): GraphNode | undefined {
    const pointees = this.#pointees[module.index] as (GraphNode | undefined)[];
    pointees[index] ??= this.targetOf(module, module.pointers[index] as Pointer);
    return pointees[index];
  }

  /** What a pointer leads to. */
  targetOf(module: Module, pointer: Pointer): GraphNode | undefined {
    if (pointer.kind !== "symbol") {
      const node = this.#place(module, pointer.target, undefined);
      if (node !== undefined && pointer.kind === "resolver") this.#resolvers.add(node);
      return node;
    }
    const bound = this.#bind(pointer.symbol.name, pointer.symbol.version?.name);
    const home = bound && this.modules[bound.module];
    if (home === undefined || bound === undefined) return undefined;
    const node = this.#place(home, bound.value + pointer.addend, bound.sizeBytes);
    if (node !== undefined && bound.isResolver) this.#resolvers.add(node);
    return node;
  }

  #place(module: Module, address: number, sizeBytes: number | undefined): GraphNode | undefined {
    const region = regionAt(module, address);
    if (region === undefined) return undefined;
    if (region.executable) {
      return this.#mayBegin(module, address) ? this.functionAt(module, address) : undefined;
    }
    if (sizeBytes) return this.#node(module, "symbols", address, address + sizeBytes);
    const { start, end } = objectAt(module, address);
    return this.#node(module, "objects", start, end);
  }

  /** In a program at fixed addresses a number may look like an address in the middle of a function. */
  #mayBegin(module: Module, address: number): boolean {
    if (!mayBeCode(module, address)) return false;
    if (module.file.kind !== "executable") return true;
    const range = rangeAt(module, address);
    // The unwind entry of the signal return trampoline begins one byte before it.
    return range === undefined || range.start === address || range.start === address - 1;
  }

  #node(module: Module, table: NodeTable, start: number, end: number): GraphNode {
    const nodes = this.#nodes[table][module.index] as Map<number, GraphNode>;
    const known = nodes.get(start);
    if (known !== undefined) return known;
    const kind = table === "functions" ? "function" : "object";
    const unasked = {
      scan: undefined,
      firstEdge: -1,
      endEdge: -1,
      neverReturns: undefined,
      flow: undefined,
    };
    const node: KnownNode = { id: this.#known.length, module, kind, start, end, ...unasked };
    this.#known.push(node);
    nodes.set(start, node);
    return node;
  }
}
