// SPDX-License-Identifier: MIT
/**
 * Which number each live system call site is given. A number that a function is given is looked for at its
 * callers, and theirs, until it is a constant. What stays open is kept as unknown, with its place.
 */
import type { Graph, GraphNode } from "./graph.js";
import { type Module, pointersBetween, regionAt } from "./module.js";
import { callsThroughPointers, type PointerCalls } from "./pointer-calls.js";
import { PointerKind } from "./pointers.js";
import type { Reach } from "./reach.js";
import { RecordKind } from "./records.js";
import { does, type SyscallSite } from "./scan.js";
import type { MachineState } from "./state.js";
import { callersOf, indexUsers } from "./users.js";
import { constant, type Input, input, inputKey, nothing, unknown, type Value } from "./values.js";

const rax = 0;
const returnAddressBytes = 8;
/** Callers of callers that one number is looked for at. */
const mostQuestions = 512;
const numberBytes = 4;
const openCalls: PointerCalls = { calls: [], closed: false };

/** A value that something can have, and the place that decides it. */
interface Decision {
  readonly number: number;
  readonly decider: GraphNode;
  /** The call that passes it on, or the start of a function that stores it. */
  readonly at: number;
}

/** Where and why a value stayed open. */
interface OpenEnd {
  readonly node: GraphNode;
  readonly at: number;
  readonly reason: string;
}

export interface ResolvedSite {
  readonly node: GraphNode;
  readonly site: SyscallSite;
  readonly outcome: "constant" | "wrapper" | "unknown";
  readonly decisions: readonly Decision[];
  readonly open: readonly OpenEnd[];
}

/** What was found of a value: all that it can be, unless something is open. */
export interface Found {
  readonly decisions: readonly Decision[];
  readonly open: readonly OpenEnd[];
}

/** Looks for values in live code, at callers and in data where need be. */
export interface ValueSearch {
  /** What is read of the state in front of an instruction. */
  before(
    node: GraphNode,
    at: number,
    read: (state: MachineState) => Value,
  ): Found & { readonly value?: Value };
  /** What the callers of a function pass to it. */
  passedTo(callee: GraphNode, wanted: Input): Found;
  /** The same at less cost. */
  within(effort: Effort): ValueSearch;
}

/** How far a value is followed; what is beyond is open. */
export interface Effort {
  /** Of longer functions only the block around a place is looked at. */
  readonly longestBytes: number;
  /** To all that stores in a word of data. */
  readonly throughData: boolean;
  /** To calls through pointers. */
  readonly throughPointers: boolean;
}

export const everyEffort: Effort = {
  longestBytes: Number.POSITIVE_INFINITY,
  throughData: true,
  throughPointers: true,
};

/** `graph` keeps the flow of each function that was looked into, so one search may follow another. */
export function openSearch(graph: Graph, live: Reach): ValueSearch {
  live.noteCallers();
  const lookWithin =
    (longestBytes: number): Look =>
    (node, at, read) => {
      const flow = graph.flow(node);
      const nearby = flow.nearby(at);
      const quick = nearby && read(nearby);
      if (quick !== undefined && isConstant(quick)) return quick;
      const { start, end } = graph.scan(node);
      if (end - start > longestBytes) return quick;
      const state = flow.whole().get(at);
      return state && read(state);
    };
  const usersOf = indexUsers(graph, live);
  const storesOf: StoresOf = (module, address) => {
    const users = usersOf(module).get(address) ?? [];
    if (users.some((node) => takesAddress(graph, node, address))) return undefined;
    return users.flatMap((node) => {
      const stored = graph.flow(node).storedAt(address);
      return stored.map((value) => ({ node, value }));
    });
  };
  const pointerCalls = new Map<GraphNode, PointerCalls>();
  const throughPointers = (callee: GraphNode): PointerCalls => {
    const known = pointerCalls.get(callee) ?? callsThroughPointers(graph, live, callee);
    pointerCalls.set(callee, known);
    return known;
  };
  const searchWithin = (effort: Effort): ValueSearch => {
    const look = lookWithin(effort.longestBytes);
    const context: Context = {
      graph,
      live,
      look,
      storesOf: effort.throughData ? storesOf : () => undefined,
      throughPointers: effort.throughPointers ? throughPointers : () => openCalls,
    };
    return {
      before(node, at, read) {
        const value = look(node, at, read);
        const found = follow(context, node, at, value);
        return value === undefined ? found : { ...found, value };
      },
      passedTo: (callee, wanted) => follow(context, callee, callee.start, input(wanted)),
      within: searchWithin,
    };
  };
  return searchWithin(everyEffort);
}

function takesAddress(graph: Graph, node: GraphNode, address: number): boolean {
  let takes = false;
  graph.eachReference(node, (target, kind) => {
    if (target === address && kind === RecordKind.address) takes = true;
  });
  return takes;
}

export function resolveSites(graph: Graph, live: Reach, search: ValueSearch): readonly ResolvedSite[] {
  const resolved = new Map<string, ResolvedSite>();
  for (const node of live.functions({ does: does.callSystem })) {
    for (const site of graph.scan(node).sites) {
      const { value, decisions, open } = search.before(node, site.at, (state) => state.register(rax));
      const outcome = open.length > 0 ? "unknown" : value && value.inputs.length > 0 ? "wrapper" : "constant";
      const found: ResolvedSite = { node, site, outcome, decisions, open };
      const key = `${node.module.index}:${site.at}`;
      const known = resolved.get(key);
      resolved.set(key, known === undefined ? found : merge(known, found));
    }
  }
  return [...resolved.values()];
}

/** A function with a second entry in its middle is two functions, which share sites. */
function merge(left: ResolvedSite, right: ResolvedSite): ResolvedSite {
  const outcomes = [left.outcome, right.outcome];
  const outcome = (["unknown", "wrapper"] as const).find((each) => outcomes.includes(each)) ?? "constant";
  return {
    ...left,
    outcome,
    decisions: [...left.decisions, ...right.decisions],
    open: [...left.open, ...right.open],
  };
}

/** Reads a value in front of an instruction, from as little code as suffices. */
type Look = (node: GraphNode, at: number, read: (state: MachineState) => Value) => Value | undefined;

function isConstant({ constants, inputs, frame, unknown: open }: Value): boolean {
  return constants.length > 0 && inputs.length === 0 && frame === undefined && !open;
}

interface Context {
  readonly graph: Graph;
  readonly live: Reach;
  readonly look: Look;
  /** What live code stores in a word of a module's data; undefined when that cannot be told. */
  readonly storesOf: StoresOf;
  readonly throughPointers: (callee: GraphNode) => PointerCalls;
}

type StoresOf = (module: Module, address: number) => readonly Store[] | undefined;

interface Store {
  readonly node: GraphNode;
  readonly value: Value;
}

/**
 * Of a stored value itself, or the word behind a stored pointer. A null pointer is nobody's number: it only
 * says that nothing is to be done.
 */
function behind(stored: Value, wanted: Input): Value {
  if (wanted.kind !== "behind static") return stored;
  const [pointer] = stored.inputs;
  if (stored.unknown || stored.frame !== undefined || stored.inputs.length > 1) return unknown;
  if (pointer === undefined) return stored.constants.every((each) => each === 0) ? nothing : unknown;
  if (pointer.kind !== "register") return unknown;
  return input({ kind: "word", register: pointer.register, offset: wanted.offset });
}

/** What a word of data holds before anything is stored there; undefined for what another file decides. */
function firstValue(module: Module, address: number): Value | undefined {
  const { first, behind } = pointersBetween(module, address, address + 1);
  if (first < behind) {
    const { kinds, targets } = module.pointers;
    return kinds[first] === PointerKind.local ? constant(targets[first] as number) : undefined;
  }
  const region = regionAt(module, address);
  if (region === undefined) return undefined;
  const from = address - region.start;
  const word = Buffer.from(region.bytes.subarray(from, from + numberBytes));
  return constant(word.length < numberBytes ? 0 : word.readInt32LE());
}

/** From the value that is seen at `place` to what decides it. */
function follow(
  { graph, live, look, storesOf, throughPointers }: Context,
  node: GraphNode,
  place: number,
  value: Value | undefined,
): Found {
  const decisions: Decision[] = [];
  const open: OpenEnd[] = [];
  const asked = new Set<string>();
  const answer = (where: GraphNode, at: number, given: Value | undefined): void => {
    for (const number of given?.constants ?? []) decisions.push({ number, decider: where, at });
    if (given === undefined || given.unknown || given.frame !== undefined) {
      open.push({ node: where, at, reason: "the number is computed in a way that was not followed" });
    }
    for (const wanted of given?.inputs ?? []) ask(where, wanted);
  };
  const ask = (callee: GraphNode, wanted: Input): void => {
    const key = `${callee.id} ${inputKey(wanted)}`;
    if (asked.has(key)) return;
    asked.add(key);
    if (asked.size > mostQuestions) {
      open.push({ node: callee, at: callee.start, reason: "the number comes from too many callers" });
      return;
    }
    if (wanted.kind === "static" || wanted.kind === "behind static") {
      const stores = storesOf(callee.module, wanted.address);
      const first = firstValue(callee.module, wanted.address);
      if (stores === undefined || first === undefined) {
        open.push({ node: callee, at: place, reason: "the number is in data" });
        return;
      }
      answer(callee, callee.start, behind(first, wanted));
      for (const { node: writer, value: stored } of stores)
        answer(writer, writer.start, behind(stored, wanted));
      return;
    }
    const known = callersOf(graph, callee);
    if (live.isTakenAsPointer(callee) || known.length === 0) {
      const { calls, closed } = throughPointers(callee);
      for (const { node: caller, at, tail, state } of calls)
        answer(caller, at, state.resolve(wanted, tail ? 0 : returnAddressBytes));
      if (!closed) {
        const reason = "the number comes from callers through a pointer";
        open.push({ node: callee, at: callee.start, reason });
      }
    }
    for (const { node: caller, at, tail } of known) {
      const pushed = tail ? 0 : returnAddressBytes;
      answer(
        caller,
        at,
        look(caller, at, (state) => state.resolve(wanted, pushed)),
      );
    }
  };
  answer(node, place, value);
  return { decisions, open };
}
