// SPDX-License-Identifier: MIT
/**
 * Who leads to whom: functions and data objects of all modules, joined by calls, by addresses that code takes,
 * and by pointers in data. A data object counts from the moment that something live refers to it.
 */
import { CodeReader } from "./code.js";
import { Flow } from "./flow.js";
import { type Module, pointersBetween } from "./module.js";
import type { Gate } from "./reach.js";
import type { SeeReference } from "./records.js";
import { describeScan, eachReference, type FunctionScan } from "./scan.js";
import type { Scanner } from "./scanner.js";
import { Tables } from "./tables.js";

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

/** A node with what is computed of it once it is asked for. */
interface KnownNode extends GraphNode {
  scan: FunctionScan | undefined;
  neverReturns: boolean | undefined;
  flow: Flow | undefined;
}

export class Graph {
  readonly modules: Module[] = [];
  readonly scanner: Scanner;
  readonly #readers: CodeReader[] = [];
  /** By id, those that were asked for. */
  readonly #known: KnownNode[] = [];
  readonly columns: Tables;
  #bind: Bind;
  /** Decides in the search that is going on. */
  #gate: Gate | undefined;
  /** What chains of evidence call their roots, by number. */
  readonly labels: string[] = [];

  /** All modules are read by `scanner`. */
  constructor(modules: readonly Module[], scanner: Scanner, bind: Bind) {
    this.scanner = scanner;
    this.#bind = bind;
    this.columns = new Tables(scanner, {
      bind: (module, pointer) => this.#bound(module, pointer) ?? -1,
      passes: (from, target, isCall) =>
        this.#gate?.passes(this.nodeOf(from), this.nodeOf(target), isCall !== 0) ?? true,
    });
    this.extend(modules, bind);
  }

  /** Adds what is loaded later. What is there is bound already, and stays as it is. */
  extend(modules: readonly Module[], bind: Bind): void {
    this.#bind = bind;
    for (const module of modules) {
      this.modules.push(module);
      this.#readers.push(new CodeReader(module));
      this.columns.addModule(module);
    }
  }

  free(): void {
    for (const reader of this.#readers) reader.free();
  }

  nodeOf(id: number): GraphNode {
    const known = this.#known[id];
    if (known !== undefined) return known;
    const { module, isFunction, start, end } = this.columns.node(id);
    const kind = isFunction ? "function" : "object";
    const home = this.modules[module] as Module;
    const unasked = { scan: undefined, neverReturns: undefined, flow: undefined };
    const node: KnownNode = { id, module: home, kind, start, end, ...unasked };
    this.#known[id] = node;
    return node;
  }

  functionAt(module: Module, start: number): GraphNode {
    return this.nodeOf(this.columns.functionAt(module, start));
  }

  /** Searches with a gate, which is asked of the edges to the nodes that it guards. */
  guarded<T>(gate: Gate, search: () => T): T {
    const { exports } = this.scanner;
    this.#gate = gate;
    for (const { id } of gate.guarded) exports.guard(id, true);
    try {
      return search();
    } finally {
      for (const { id } of gate.guarded) exports.guard(id, false);
      this.#gate = undefined;
    }
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
    return this.nodeOf(this.columns.symbolAt(module, bound.value, bound.value + bound.sizeBytes));
  }

  /** Whether a function was met as one that picks another (STT_GNU_IFUNC, R_X86_64_IRELATIVE). */
  isResolver(node: GraphNode): boolean {
    return this.columns.isResolver(node.id);
  }

  scan(node: GraphNode): FunctionScan {
    const facts = this.#factsOf(node);
    facts.scan ??= describeScan(node, this.columns.scan(node.id));
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
    return this.columns.firstEdge(node.id);
  }

  endEdge(node: GraphNode): number {
    return this.columns.endEdge(node.id);
  }

  targetOfEdge(edge: number): GraphNode {
    return this.nodeOf(this.columns.targetOf(edge));
  }

  /** All nodes are made here. */
  #factsOf(node: GraphNode): KnownNode {
    return node as KnownNode;
  }

  /** What the pointers in [start, end) lead to. */
  pointeesBetween(module: Module, start: number, end: number): readonly GraphNode[] {
    const pointees: GraphNode[] = [];
    const { first, behind } = pointersBetween(module, start, end);
    for (let index = first; index < behind; index++) {
      const target = this.targetOf(module, index);
      if (target !== undefined) pointees.push(target);
    }
    return pointees;
  }

  /** What a pointer leads to, by its index. */
  targetOf(module: Module, pointer: number): GraphNode | undefined {
    const target = this.columns.pointee(module, pointer);
    return target === undefined ? undefined : this.nodeOf(target);
  }

  /** What the symbol of a pointer is bound to. */
  #bound(index: number, pointer: number): number | undefined {
    const { file, pointers } = this.modules[index] as Module;
    const { dynamicSymbolTable: table } = file;
    const symbol = pointers.symbols[pointer] as number;
    const bound = this.#bind(table.nameOf(symbol), table.versionOf(symbol)?.name);
    const home = bound && this.modules[bound.module];
    if (home === undefined || bound === undefined) return undefined;
    const id = this.columns.nodeAround(home, bound.value + (pointers.targets[pointer] ?? 0), bound.sizeBytes);
    if (id !== undefined && bound.isResolver) this.columns.markResolver(id);
    return id;
  }
}
