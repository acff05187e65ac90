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

/** Nodes by their ids: asked of every edge, where a hash table takes most of the time. */
export class NodeSet {
  readonly #has: boolean[] = [];

  constructor(nodes: Iterable<GraphNode>) {
    for (const { id } of nodes) this.#has[id] = true;
  }

  has({ id }: GraphNode): boolean {
    return this.#has[id] === true;
  }
}

/** What was reached, in the order of finding. */
export class Reach {
  readonly #nodes: GraphNode[] = [];
  /** By the node's id. */
  readonly #byId: (Reached | undefined)[] = [];

  has(node: GraphNode): boolean {
    return this.#byId[node.id] !== undefined;
  }

  get(node: GraphNode): Reached | undefined {
    return this.#byId[node.id];
  }

  get nodes(): readonly GraphNode[] {
    return this.#nodes;
  }

  /** Notes one way to a node. */
  add(node: GraphNode, from: GraphNode | string, takenAsPointer: boolean): void {
    const known = this.#byId[node.id];
    if (known === undefined) {
      this.#byId[node.id] = { from, takenAsPointer };
      this.#nodes.push(node);
    } else if (takenAsPointer) known.takenAsPointer = true;
  }
}

/** What several layers reach together. */
export function unite(reaches: readonly Reach[]): Reach {
  const all = new Reach();
  for (const reach of reaches) {
    for (const node of reach.nodes) {
      const { from, takenAsPointer } = reach.get(node) as Reached;
      all.add(node, from, takenAsPointer);
    }
  }
  return all;
}

/** Whether a layer goes along an edge. */
export type Gate = (from: GraphNode, edge: Edge) => boolean;

/** Breadth first, so that chains are short. `reach` is what other roots were found to lead to, through the same gate. */
export function reachFrom(graph: Graph, roots: readonly Root[], passes: Gate, reach = new Reach()): Reach {
  const { nodes } = reach;
  const known = nodes.length;
  for (const { node, label } of roots) reach.add(node, label, true);
  for (let next = known; next < nodes.length; next++) {
    const node = nodes[next] as GraphNode;
    for (const edge of graph.edges(node)) {
      if (passes(node, edge)) reach.add(edge.target, node, edge.at === undefined);
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
    at = reach.get(at)?.from ?? "nowhere";
  }
  return { root: at, nodes };
}
