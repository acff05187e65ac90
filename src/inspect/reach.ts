// SPDX-License-Identifier: MIT
/** What can run: everything that the roots of a layer lead to, and by which way it was found first. */
import type { Edge, Graph, GraphNode } from "./graph.js";

export interface Root {
  readonly node: GraphNode;
  /** What a chain of evidence calls it. */
  readonly label: string;
}

interface Reached {
  /** The node that led there first; the root's label for a root. */
  readonly from: GraphNode | string;
  /** Whether some way to it is a pointer, so that its callers are not all known. */
  takenAsPointer: boolean;
}

export type Reach = ReadonlyMap<GraphNode, Reached>;

/** Whether a layer goes along an edge. */
export type Gate = (from: GraphNode, edge: Edge) => boolean;

/** Breadth first, so that chains are short. */
export function reachFrom(graph: Graph, roots: readonly Root[], passes: Gate): Reach {
  const reached = new Map<GraphNode, Reached>();
  const queue: GraphNode[] = [];
  for (const { node, label } of roots) {
    if (reached.has(node)) continue;
    reached.set(node, { from: label, takenAsPointer: true });
    queue.push(node);
  }
  for (let next = 0; next < queue.length; next++) {
    const node = queue[next] as GraphNode;
    for (const edge of graph.edges(node)) {
      if (!passes(node, edge)) continue;
      const { target, at } = edge;
      const known = reached.get(target);
      if (known === undefined) {
        reached.set(target, { from: node, takenAsPointer: at === undefined });
        queue.push(target);
      } else if (at === undefined) known.takenAsPointer = true;
    }
  }
  return reached;
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
    at = reach.get(at)?.from ?? "nowhere";
  }
  return { root: at, nodes };
}
