// SPDX-License-Identifier: MIT
/** Finds system call instructions that nothing live executes: they are reported, never lost. */
import type { Graph } from "./graph.js";
import { type Module, type Region, rangeAt } from "./module.js";
import type { Reach } from "./reach.js";
import { lowerBound } from "./sorted.js";

/** `syscall`, `sysenter`, `int $0x80`. */
const encodings = [Buffer.of(0x0f, 0x05), Buffer.of(0x0f, 0x34), Buffer.of(0xcd, 0x80)];

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
  const found = graph.modules.map((module) => module.regions.flatMap(places));
  const sorted = found.map((each) => Float64Array.from(each).sort());
  const covered = graph.modules.map(() => new Set<number>());
  for (const id of live.ids) {
    const { module, isFunction, start } = graph.columns.node(id);
    const addresses = sorted[module] as Float64Array;
    const first = lowerBound(addresses, start);
    // Not to look at where most functions end.
    if (!isFunction || first === addresses.length) continue;
    const { end } = graph.columns.scan(id);
    for (let index = first; (addresses[index] ?? end) < end; index++) {
      covered[module]?.add(addresses[index] as number);
    }
  }
  return graph.modules.flatMap((module, index) =>
    (found[index] ?? [])
      .filter((at) => !covered[index]?.has(at))
      .flatMap((at) => unreachedAt(graph, module, at)),
  );
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
  const code = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const encoding of encodings) {
    for (let at = code.indexOf(encoding); at >= 0; at = code.indexOf(encoding, at + 1))
      found.push(start + at);
  }
  return found;
}
