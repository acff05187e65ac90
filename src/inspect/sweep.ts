// SPDX-License-Identifier: MIT
/** Finds system call instructions that nothing live executes: they are reported, never lost. */
import type { Graph, GraphNode } from "./graph.js";
import { type Module, type Region, rangeAt } from "./module.js";

/** `syscall`, `sysenter`, `int $0x80`. */
const encodings: readonly (readonly [number, number])[] = [
  [0x0f, 0x05],
  [0x0f, 0x34],
  [0xcd, 0x80],
];

export interface UnreachedSite {
  readonly module: Module;
  readonly at: number;
  /** Start of the function it is in, or its own address. */
  readonly start: number;
}

/**
 * Every place with the bytes of a system call instruction is either one of a live function, or no instruction
 * since it begins inside of another one, or listed here. `live` are the functions that can run.
 */
export function unreachedSites(
  graph: Graph,
  live: ReadonlyMap<GraphNode, unknown>,
): readonly UnreachedSite[] {
  return graph.modules.flatMap((module) => {
    const extents = [...live.keys()]
      .filter((node) => node.kind === "function" && node.module === module)
      .map((node) => graph.scan(node));
    const reached = new Set(extents.flatMap(({ sites }) => sites.map(({ at }) => at)));
    return module.regions
      .flatMap(places)
      .filter((at) => !reached.has(at))
      .filter((at) => !extents.some(({ start, end }) => at >= start && at < end))
      .flatMap((at) => unreachedAt(graph, module, at));
  });
}

function unreachedAt(graph: Graph, module: Module, at: number): readonly UnreachedSite[] {
  const range = rangeAt(module, at);
  if (range === undefined) return [{ module, at, start: at }];
  const { sites } = graph.scan(graph.functionAt(module, range.start));
  return sites.some((site) => site.at === at) ? [{ module, at, start: range.start }] : [];
}

function places({ start, bytes, executable }: Region): readonly number[] {
  if (!executable) return [];
  const found: number[] = [];
  for (const [first, second] of encodings) {
    for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
      if (bytes[at + 1] === second) found.push(start + at);
    }
  }
  return found;
}
