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

/** The callers of a function among those that were noted, in the order in which they were (`Reach.noteCallers`). */
export function callersOf(graph: Graph, callee: GraphNode): readonly Caller[] {
  const { columns } = graph;
  const found: Caller[] = [];
  columns.eachCall(callee.id, (caller, edge) => {
    const node = graph.nodeOf(caller);
    found.push({ node, at: node.start + columns.distanceOf(edge), tail: columns.isTail(edge) });
  });
  return found.reverse();
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
    for (const node of live.functions({ module })) {
      graph.eachReference(node, (target) => {
        const others = users.get(target);
        if (others === undefined) users.set(target, [node]);
        else if (others.at(-1) !== node) others.push(node);
      });
    }
    return users;
  };
}
