// SPDX-License-Identifier: MIT
/** Why something counts, as one line: the chain of functions from a root to it. */
import type { Explored } from "./explore.js";
import type { GraphNode } from "./graph.js";
import { qualifiedName } from "./names.js";
import { chainTo } from "./reach.js";

export type Explain = (node: GraphNode) => string;

/** A function that the program itself leads to is explained so, rather than by start-up. */
const layers = ["main", "startup", "nss", "dlopen"] as const;

export function explainer(reaches: Explored["reaches"]): Explain {
  return (node) => {
    const layer = layers.find((each) => reaches[each].has(node));
    if (layer === undefined) return qualifiedName(node);
    const { root, nodes } = chainTo(reaches[layer], node);
    const functions = nodes.filter(({ kind }) => kind === "function");
    return [root, ...functions.map(qualifiedName)].join(" → ");
  };
}
