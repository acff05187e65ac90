// SPDX-License-Identifier: MIT
/** The other direction of the graph: which live functions call a function, and which mention an address. */
import type { Graph, GraphNode } from "./graph.js";
import type { Module } from "./module.js";
import type { Reach } from "./reach.js";

/** Where a function is called, or jumped to. */
interface Caller {
  readonly node: GraphNode;
  readonly at: number;
  readonly tail: boolean;
}

const firstCapacity = 1 << 16;

/** The callers of each function. It grows with what is found to be live. */
export class Callers {
  readonly #graph: Graph;
  /** The calls that were added, as numbers: by whom, along which edge, and the earlier call of the same function. */
  readonly #nodes: GraphNode[] = [];
  #edges = new Int32Array(firstCapacity);
  #earlier = new Int32Array(firstCapacity);
  /** By id of the callee, counted from 1. */
  #last = new Int32Array(firstCapacity);
  /** By the node's id. */
  readonly #isKnown: boolean[] = [];

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** In the order in which they were added. */
  of(callee: GraphNode): readonly Caller[] {
    const { columns } = this.#graph;
    const found: Caller[] = [];
    for (let call = this.#last[callee.id] ?? 0; call > 0; call = this.#earlier[call - 1] as number) {
      const node = this.#nodes[call - 1] as GraphNode;
      const edge = this.#edges[call - 1] as number;
      found.push({ node, at: node.start + columns.distanceOf(edge), tail: columns.isTail(edge) });
    }
    return found.reverse();
  }

  addAll(live: Reach): void {
    const graph = this.#graph;
    const { columns } = graph;
    for (const node of live.nodes) {
      if (this.#isKnown[node.id] || node.kind !== "function") continue;
      this.#isKnown[node.id] = true;
      const end = graph.endEdge(node);
      for (let edge = graph.firstEdge(node); edge < end; edge++) {
        if (columns.isCall(edge) && graph.targetOfEdge(edge).kind === "function")
          this.#add(node, edge, columns.targetOf(edge));
      }
    }
  }

  #add(node: GraphNode, edge: number, callee: number): void {
    const call = this.#nodes.push(node);
    if (call > this.#edges.length) {
      this.#edges = grown(this.#edges, call);
      this.#earlier = grown(this.#earlier, call);
    }
    if (callee >= this.#last.length) this.#last = grown(this.#last, callee);
    this.#edges[call - 1] = edge;
    this.#earlier[call - 1] = this.#last[callee] as number;
    this.#last[callee] = call;
  }
}

/** A longer column, in which there is a place for `index`. */
function grown(column: Int32Array, index: number): Int32Array<ArrayBuffer> {
  const more = new Int32Array(index + (index >> 1) + 1);
  more.set(column);
  return more;
}

/** For each module, which live functions mention an address. Made when it is asked for. */
export function indexUsers(
  graph: Graph,
  live: Reach,
): (module: Module) => ReadonlyMap<number, readonly GraphNode[]> {
  const indexes = new Map<Module, Map<number, GraphNode[]>>();
  return (module) => {
    const known = indexes.get(module);
    if (known !== undefined) return known;
    const users = new Map<number, GraphNode[]>();
    indexes.set(module, users);
    for (const node of live.nodes) {
      if (node.kind !== "function" || node.module !== module) continue;
      graph.eachReference(node, (target) => {
        const others = users.get(target);
        if (others === undefined) users.set(target, [node]);
        else if (others.at(-1) !== node) others.push(node);
      });
    }
    return users;
  };
}
