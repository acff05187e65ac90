// SPDX-License-Identifier: MIT
/** The other direction of the graph: which live functions call a function, and which mention an address. */
import type { Edge, Graph, GraphNode } from "./graph.js";
import type { Module } from "./module.js";
import type { Reach } from "./reach.js";

/** Where a function is called, or jumped to. */
interface Caller {
  readonly node: GraphNode;
  readonly at: number;
  readonly tail: boolean;
}

/** The nodes with the edges, which are many more than are asked for. */
interface Calls {
  readonly nodes: GraphNode[];
  readonly edges: Edge[];
}

/** The callers of each function. It grows with what is found to be live. */
export class Callers {
  readonly #calls = new Map<GraphNode, Calls>();
  /** By the node's id. */
  readonly #isKnown: boolean[] = [];

  of(callee: GraphNode): readonly Caller[] {
    const { nodes, edges } = this.#calls.get(callee) ?? { nodes: [], edges: [] };
    return nodes.map((node, index) => {
      const { at, tail } = edges[index] as Edge;
      return { node, at: at as number, tail };
    });
  }

  addAll(graph: Graph, live: Reach): void {
    for (const node of live.nodes) {
      if (this.#isKnown[node.id] || node.kind !== "function") continue;
      this.#isKnown[node.id] = true;
      for (const edge of graph.edges(node)) {
        const { target, at } = edge;
        if (at === undefined || target.kind !== "function") continue;
        const known = this.#calls.get(target);
        if (known === undefined) this.#calls.set(target, { nodes: [node], edges: [edge] });
        else {
          known.nodes.push(node);
          known.edges.push(edge);
        }
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
      graph.eachReference(node, (target) => {
        const others = users.get(target);
        if (others === undefined) users.set(target, [node]);
        else if (others.at(-1) !== node) others.push(node);
      });
    }
    return users;
  };
}
