// SPDX-License-Identifier: MIT
/** What can run: everything that the roots of a layer lead to, and by which way it was found first. */
import type { Graph, GraphNode } from "./graph.js";
import type { Module } from "./module.js";
import type { SeeMention } from "./records.js";

export interface Root {
  readonly node: GraphNode;
  /** What a chain of evidence calls it. */
  readonly label: string;
}

/** The first number that stands for a label in place of a node. */
const firstLabel = -2;

/** What was reached, in the order of finding. It is in the scanner's memory (scanner/reach.ts). */
export class Reach {
  readonly #graph: Graph;
  readonly #place: number;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#place = graph.scanner.exports.newReach();
  }

  has(node: GraphNode): boolean {
    return this.#placeOf(node) > 0;
  }

  /** The node that led there first; the root's label for a root. */
  from(node: GraphNode): GraphNode | string | undefined {
    const place = this.#placeOf(node);
    if (place === 0) return undefined;
    const from = this.#graph.scanner.exports.fromInReach(this.#place, place);
    return from >= 0 ? this.#graph.nodeOf(from) : this.#graph.labels[firstLabel - from];
  }

  /** Whether some way to it is a pointer, so that its callers are not all known. */
  isTakenAsPointer(node: GraphNode): boolean {
    const place = this.#placeOf(node);
    return place > 0 && this.#graph.scanner.exports.isTakenInReach(this.#place, place) !== 0;
  }

  /** A large program has a hundred thousand: most passes ask for some of them. */
  get ids(): Uint32Array {
    const { exports, words } = this.#graph.scanner;
    const first = (exports.placesReached(this.#place) >>> 0) / 4;
    return words.slice(first, first + (exports.countReached(this.#place) >>> 0));
  }

  /** The functions of a file, or of all, that do something of `does` (./scan.ts). */
  functions({
    module,
    does = 0,
  }: {
    readonly module?: Module;
    readonly does?: number;
  }): readonly GraphNode[] {
    const { scanner, columns } = this.#graph;
    const place = module === undefined ? 0 : columns.placeOf(module);
    return this.#answer(scanner.exports.functionsReached(this.#place, place, does));
  }

  /** What takes or holds the address of a node. */
  holdersOf({ id }: GraphNode): readonly GraphNode[] {
    return this.#answer(this.#graph.scanner.exports.holdersOf(this.#place, id));
  }

  /** Addresses of data that functions mention by records up to a kind, and those of data objects: of a file, or of all. */
  eachMention(
    { module, lastKind }: { readonly module?: Module; readonly lastKind: number },
    see: SeeMention,
  ): void {
    const { scanner, columns, modules } = this.#graph;
    const place = module === undefined ? 0 : columns.placeOf(module);
    const count = scanner.exports.mentions(this.#place, place, lastKind);
    const { numbers, words } = scanner.pairs(count);
    for (let at = 0; at < 2 * count; at += 2) {
      const facts = words[2 * at + 3] as number;
      see(numbers[at] as number, words[2 * at + 2] as number, modules[facts >>> 8] as Module, facts & 0xff);
    }
  }

  /** Notes who calls whom (./users.ts). */
  noteCallers(): void {
    this.#graph.scanner.exports.noteCallers(this.#place);
  }

  #answer(count: number): readonly GraphNode[] {
    return Array.from(this.#graph.scanner.ids(count), (id) => this.#graph.nodeOf(id));
  }

  /** Adds what roots lead to. */
  extend(roots: readonly Root[]): void {
    const { scanner, labels } = this.#graph;
    const known = scanner.exports.countReached(this.#place);
    for (const { node, label } of roots) {
      if (labels.at(-1) !== label) labels.push(label);
      scanner.exports.addToReach(this.#place, node.id, firstLabel - (labels.length - 1), true);
    }
    scanner.exports.spread(this.#place, known);
  }

  /** Adds all that another has. */
  unite(other: Reach): void {
    this.#graph.scanner.exports.uniteReach(this.#place, other.#place);
  }

  /** Whether something of it leads to one of `nodes` that is in another file. */
  entersFromOutside(nodes: readonly GraphNode[]): boolean {
    const { exports } = this.#graph.scanner;
    return this.#graph.guarded(
      { guarded: nodes, passes: () => true },
      () => exports.entersGuarded(this.#place) !== 0,
    );
  }

  #placeOf({ id }: GraphNode): number {
    return this.#graph.scanner.exports.placeInReach(this.#place, id) >>> 0;
  }
}

/** What several layers reach together. */
export function unite(graph: Graph, reaches: readonly Reach[]): Reach {
  const all = new Reach(graph);
  for (const reach of reaches) all.unite(reach);
  return all;
}

/** Whether a layer goes along an edge: a call, or an address that is taken or held. */
export interface Gate {
  /** To all other nodes every edge passes. */
  readonly guarded: readonly GraphNode[];
  readonly passes: (from: GraphNode, target: GraphNode, isCall: boolean) => boolean;
}

/** Breadth first, so that chains are short. `reach` is what other roots were found to lead to, through the same gate. */
export function reachFrom(graph: Graph, roots: readonly Root[], gate: Gate, reach = new Reach(graph)): Reach {
  graph.guarded(gate, () => reach.extend(roots));
  return reach;
}

/** The nodes from a root to `node`, the root's label first. */
export function chainTo(
  reach: Reach,
  node: GraphNode,
): { readonly root: string; readonly nodes: readonly GraphNode[] } {
  const nodes: GraphNode[] = [];
  let at: GraphNode | string = node;
  while (typeof at !== "string") {
    nodes.unshift(at);
    at = reach.from(at) ?? "nowhere";
  }
  return { root: at, nodes };
}
