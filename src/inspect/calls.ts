// SPDX-License-Identifier: MIT
/** Turns resolved sites into the list of system calls, each with when it can be made and why. */
import type { Graph, GraphNode } from "./graph.js";
import type { Reaches } from "./layers.js";
import type { Module } from "./module.js";
import { functionName, placeIn, qualifiedName } from "./names.js";
import { chainTo, type Reach } from "./reach.js";
import type { Inspection, Layer } from "./schema.js";
import type { ResolvedSite } from "./sites.js";
import type { UnreachedSite } from "./sweep.js";
import { allSyscalls, ia32SyscallName, syscallName, syscallNumber } from "./syscall-names.js";

type Call = Inspection["syscalls"][number];
type Evidence = Call["evidence"][number];
type UnknownSite = Inspection["unknownSites"][number];

/** More places say the same of a call. */
const mostEvidence = 4;

/** What the kernel maps into every process, so that a call is rarely needed (vdso(7)). */
const vdsoCalls = new Set(["clock_gettime", "gettimeofday", "time", "getcpu", "clock_getres"]);

/** Sorted by number. A number that no kernel has a name for is no call. */
export function describeCalls(
  graph: Graph,
  sites: readonly ResolvedSite[],
  reaches: Reaches,
): readonly Call[] {
  const calls = new Map<number, FoundCall>();
  for (const site of sites) {
    for (const { number, decider } of site.decisions) {
      const call = callNumber(site, number);
      if (call === undefined) continue;
      const entry = calls.get(call) ?? { layers: new Set(), functions: new Set(), evidence: [] };
      calls.set(call, entry);
      entry.functions.add(qualifiedName(site.node));
      for (const [reachedIn, reach] of Object.entries(reaches) as [keyof Reaches, Reach][]) {
        if (!reach.has(decider)) continue;
        const layer = standsInForVdso(graph, call, decider, reach) ? "vdso" : reachedIn;
        const isNew = !entry.layers.has(layer);
        entry.layers.add(layer);
        // A layer's first chain is always shown; further ones only to a number.
        if (!isNew && entry.evidence.length >= mostEvidence) continue;
        entry.evidence.push(evidenceFor(site, decider, reach));
      }
    }
  }
  return [...calls]
    .sort(([left], [right]) => left - right)
    .map(([number, { layers, functions, evidence }]) => ({
      name: syscallName(number) ?? String(number),
      number,
      layers: [...layers],
      functions: [...functions].sort(),
      evidence,
    }));
}

interface FoundCall {
  readonly layers: Set<Layer>;
  readonly functions: Set<string>;
  readonly evidence: Evidence[];
}

/**
 * Whether a call is made only where the vDSO has none: the function calls that through a pointer first, or is what
 * an IFUNC resolver picks in its place.
 */
function standsInForVdso(graph: Graph, call: number, decider: GraphNode, reach: Reach): boolean {
  if (!vdsoCalls.has(syscallName(call) ?? "")) return false;
  const from = reach.from(decider);
  const isPicked = typeof from === "object" && graph.isResolver(from);
  return isPicked || graph.scan(decider).indirectCalls;
}

/** The 64-bit number; `int $0x80` counts in the 32-bit table, whose calls have the same names. */
function callNumber({ site }: ResolvedSite, number: number): number | undefined {
  if (site.kind === "syscall") return syscallName(number) === undefined ? undefined : number;
  const name = ia32SyscallName(number);
  return name === undefined ? undefined : syscallNumber(name);
}

function evidenceFor({ node, site }: ResolvedSite, decider: GraphNode, reach: Reach): Evidence {
  const { root, nodes } = chainTo(reach, decider);
  const functions = [...nodes, ...(decider === node ? [] : [node])].filter(({ kind }) => kind === "function");
  const { library, offset } = placeIn(node.module, site.at);
  return {
    root,
    chain: functions.map(qualifiedName),
    library,
    symbol: functionName(node.module, node.start),
    offset: hex(offset),
  };
}

export function describeUnknown(
  sites: readonly ResolvedSite[],
  unreached: readonly UnreachedSite[],
): UnknownSite[] {
  const describe = (module: Module, start: number, at: number) => {
    const { library, offset } = placeIn(module, at);
    return { library, symbol: functionName(module, start), offset: hex(offset) };
  };
  const open = sites.flatMap(({ node, site, open: places }) =>
    places.map((place) => ({
      ...describe(node.module, node.start, site.at),
      reached: true,
      reason: `${place.reason} (${qualifiedName(place.node)} at ${hex(placeIn(place.node.module, place.at).offset)})`,
    })),
  );
  const rest = unreached.map(({ module, at, start }) => ({
    ...describe(module, start, at),
    reached: false,
    reason: "nothing leads there",
  }));
  return [...open, ...rest];
}

/** Every call there is: what `strict` makes of a list with holes. */
export function everyCall(found: readonly Call[], unknownSites: readonly UnknownSite[]): readonly Call[] {
  const known = new Map(found.map((call) => [call.number, call]));
  const site = unknownSites.find(({ reached }) => reached);
  const functions = site === undefined ? [] : [`${site.library}:${site.symbol}`];
  const evidence: Evidence[] =
    site === undefined
      ? []
      : [
          {
            root: "unknown number",
            chain: [],
            library: site.library,
            symbol: site.symbol,
            offset: site.offset,
          },
        ];
  return allSyscalls.map(
    ({ name, number }) =>
      known.get(number) ?? { name, number, layers: ["startup", "main"], functions, evidence },
  );
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
