// SPDX-License-Identifier: MIT
/** Finds system call instructions that nothing live executes: they are reported, never lost. */
import type { Graph } from "./graph.js";
import { type Module, type Region, rangeAt } from "./module.js";
import type { Reach } from "./reach.js";
import type { FunctionScan } from "./scan.js";
import { upperBound } from "./sorted.js";

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
export function unreachedSites(graph: Graph, live: Reach): readonly UnreachedSite[] {
  const extents = graph.modules.map((): FunctionScan[] => []);
  for (const node of live.nodes) {
    if (node.kind === "function") extents[node.module.index]?.push(graph.scan(node));
  }
  return graph.modules.flatMap((module, index) => {
    const isCovered = coverage(extents[index] ?? []);
    return module.regions
      .flatMap(places)
      .filter((at) => !isCovered(at))
      .flatMap((at) => unreachedAt(graph, module, at));
  });
}

/** Tells whether an address is in one of the extents, some of which can lie in others. */
function coverage(extents: readonly FunctionScan[]): (address: number) => boolean {
  const sorted = [...extents].sort((left, right) => left.start - right.start);
  const starts = Float64Array.from(sorted, ({ start }) => start);
  let furthest = 0;
  const ends = sorted.map(({ end }) => {
    furthest = Math.max(furthest, end);
    return furthest;
  });
  return (address) => address < (ends[upperBound(starts, address) - 1] ?? 0);
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
