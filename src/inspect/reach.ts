// SPDX-License-Identifier: MIT
/** What can run: everything that the roots of a layer lead to, and by which way it was found first. */
import type { Graph, GraphNode } from "./graph.js";

export interface Root {
  readonly node: GraphNode;
  /** What a chain of evidence calls it. */
  readonly label: string;
}

/** Nodes by their ids: asked of every edge, where a hash table takes most of the time. */
export class NodeSet {
  readonly #has: Uint8Array;

  constructor(nodes: readonly GraphNode[]) {
    this.#has = new Uint8Array(Math.max(0, ...nodes.map(({ id }) => id)) + 1);
    for (const { id } of nodes) this.#has[id] = 1;
  }

  has({ id }: GraphNode): boolean {
    return this.#has[id] === 1;
  }
}

const firstCapacity = 1 << 14;

/** What was reached, in the order of finding. */
export class Reach {
  readonly #nodes: GraphNode[] = [];
  /** In the same order. */
  readonly #from: (GraphNode | string)[] = [];
  readonly #taken: boolean[] = [];
  /** By the node's id: its place in that order, counted from 1. */
  #places = new Int32Array(firstCapacity);

  has(node: GraphNode): boolean {
    return this.#placeOf(node) > 0;
  }

  hasId(id: number): boolean {
    return (this.#places[id] ?? 0) > 0;
  }

  /** The node that led there first; the root's label for a root. */
  from(node: GraphNode): GraphNode | string | undefined {
    return this.#from[this.#placeOf(node) - 1];
  }

  /** Whether some way to it is a pointer, so that its callers are not all known. */
  isTakenAsPointer(node: GraphNode): boolean {
    return this.#taken[this.#placeOf(node) - 1] === true;
  }

  get nodes(): readonly GraphNode[] {
    return this.#nodes;
  }

  /** Notes one way to a node. */
  add(node: GraphNode, from: GraphNode | string, takenAsPointer: boolean): void {
    const place = this.#placeOf(node);
    if (place > 0) {
      if (takenAsPointer) this.#taken[place - 1] = true;
      return;
    }
    if (node.id >= this.#places.length) {
      const more = new Int32Array(node.id * 2);
      more.set(this.#places);
      this.#places = more;
    }
    this.#places[node.id] = this.#nodes.push(node);
    this.#from.push(from);
    this.#taken.push(takenAsPointer);
  }

  #placeOf({ id }: GraphNode): number {
    return this.#places[id] ?? 0;
  }
}

/** What several layers reach together. */
export function unite(reaches: readonly Reach[]): Reach {
  const all = new Reach();
  for (const reach of reaches) {
    for (const node of reach.nodes) {
      all.add(node, reach.from(node) ?? "nowhere", reach.isTakenAsPointer(node));
    }
  }
  return all;
}

/** Whether a layer goes along an edge: a call, or an address that is taken or held. */
export type Gate = (from: GraphNode, target: GraphNode, isCall: boolean) => boolean;

/** Breadth first, so that chains are short. `reach` is what other roots were found to lead to, through the same gate. */
export function reachFrom(graph: Graph, roots: readonly Root[], passes: Gate, reach = new Reach()): Reach {
  const { nodes } = reach;
  const { columns } = graph;
  const known = nodes.length;
  for (const { node, label } of roots) reach.add(node, label, true);
  for (let next = known; next < nodes.length; next++) {
    const node = nodes[next] as GraphNode;
    const end = graph.endEdge(node);
    for (let edge = graph.firstEdge(node); edge < end; edge++) {
      const isCall = columns.isCall(edge);
      // Of most edges nothing is learnt: they call what was reached before.
      if (isCall && reach.hasId(columns.targetOf(edge))) continue;
      const target = graph.targetOfEdge(edge);
      if (passes(node, target, isCall)) reach.add(target, node, !isCall);
    }
  }
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
