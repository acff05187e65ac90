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

/** The callers of each function. It grows with what is found to be live. */
export class Callers {
  readonly #callers = new Map<GraphNode, Caller[]>();
  /** By the node's id. */
  readonly #isKnown: boolean[] = [];

  of(callee: GraphNode): readonly Caller[] {
    return this.#callers.get(callee) ?? [];
  }

  addAll(graph: Graph, live: Reach): void {
    for (const node of live.nodes) {
      if (this.#isKnown[node.id] || node.kind !== "function") continue;
      this.#isKnown[node.id] = true;
      for (const { target, at, tail } of graph.edges(node)) {
        if (at === undefined || target.kind !== "function") continue;
        const known = this.#callers.get(target);
        if (known === undefined) this.#callers.set(target, [{ node, at, tail }]);
        else known.push({ node, at, tail });
      }
    }
  }
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
      for (const target of new Set(graph.scan(node).references.map((reference) => reference.target))) {
        const others = users.get(target);
        if (others === undefined) users.set(target, [node]);
        else others.push(node);
      }
    }
    return users;
  };
}
