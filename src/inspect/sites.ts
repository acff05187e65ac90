// SPDX-License-Identifier: MIT
/**
 * Which number each live system call site is given. A number that a function is given is looked for at its
 * callers, and theirs, until it is a constant. What stays open is kept as unknown, with its place.
 */
import type { Graph, GraphNode } from "./graph.js";
import { type Module, pointersBetween } from "./module.js";
import { callsThroughPointers, type PointerCalls } from "./pointer-calls.js";
import type { Reference, SyscallSite } from "./scan.js";
import type { MachineState } from "./state.js";
import { type Input, input, inputKey, nothing, unknown, type Value } from "./values.js";

const rax = 0;
const returnAddressBytes = 8;
/** Callers of callers that one number is looked for at. */
const mostQuestions = 512;

/** A number that a site can get, and the function that decides it. */
interface Decision {
  readonly number: number;
  readonly decider: GraphNode;
}

export interface ResolvedSite {
  readonly node: GraphNode;
  readonly site: SyscallSite;
  readonly outcome: "constant" | "wrapper" | "unknown";
  readonly decisions: readonly Decision[];
  /** Where and why a number stayed open. */
  readonly open: readonly { readonly node: GraphNode; readonly at: number; readonly reason: string }[];
}

interface Caller {
  readonly node: GraphNode;
  readonly at: number;
  readonly tail: boolean;
}

export interface LiveFunction {
  readonly node: GraphNode;
  readonly takenAsPointer: boolean;
}

export function resolveSites(
  graph: Graph,
  live: ReadonlyMap<GraphNode, LiveFunction>,
): readonly ResolvedSite[] {
  const callers = callersOf(graph, live);
  const look: Look = (node, at, read) => {
    const flow = graph.flow(node);
    const nearby = flow.nearby(at);
    const quick = nearby && read(nearby);
    if (quick !== undefined && isConstant(quick)) return quick;
    const state = flow.whole().get(at);
    return state && read(state);
  };
  const storesOf: StoresOf = (module, address) => {
    const users = [...live.keys()]
      .filter((node) => node.kind === "function" && node.module === module)
      .filter((node) => graph.scan(node).references.some(({ target }) => target === address));
    const isTaken = ({ target, kind }: Reference) => target === address && kind === "address";
    if (pointersBetween(module, address, address + 1).length > 0) return undefined;
    if (users.some((node) => graph.scan(node).references.some(isTaken))) return undefined;
    return users.flatMap((node) =>
      graph
        .flow(node)
        .storedAt(address)
        .map((value) => ({ node, value })),
    );
  };
  const pointerCalls = new Map<GraphNode, PointerCalls>();
  const throughPointers = (callee: GraphNode): PointerCalls => {
    const known = pointerCalls.get(callee) ?? callsThroughPointers(graph, live.keys(), callee);
    pointerCalls.set(callee, known);
    return known;
  };
  const resolved = new Map<string, ResolvedSite>();
  for (const node of live.keys()) {
    if (node.kind !== "function") continue;
    for (const site of graph.scan(node).sites) {
      const value = look(node, site.at, (state) => state.register(rax));
      const found = resolveSite({ node, site, value, live, callers, look, storesOf, throughPointers });
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

function callersOf(
  graph: Graph,
  live: ReadonlyMap<GraphNode, LiveFunction>,
): ReadonlyMap<GraphNode, readonly Caller[]> {
  const callers = new Map<GraphNode, Caller[]>();
  for (const node of live.keys()) {
    for (const { target, at, tail } of graph.edges(node)) {
      if (at === undefined || target.kind !== "function") continue;
      const known = callers.get(target);
      if (known === undefined) callers.set(target, [{ node, at, tail }]);
      else known.push({ node, at, tail });
    }
  }
  return callers;
}

interface Question {
  readonly node: GraphNode;
  readonly site: SyscallSite;
  readonly value: Value | undefined;
  readonly live: ReadonlyMap<GraphNode, LiveFunction>;
  readonly callers: ReadonlyMap<GraphNode, readonly Caller[]>;
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

function resolveSite(question: Question): ResolvedSite {
  const { node, site, value, live, callers, look, storesOf, throughPointers } = question;
  const decisions: Decision[] = [];
  const open: { node: GraphNode; at: number; reason: string }[] = [];
  const asked = new Set<string>();
  const answer = (where: GraphNode, at: number, given: Value | undefined): void => {
    for (const number of given?.constants ?? []) decisions.push({ number, decider: where });
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
      if (stores === undefined) open.push({ node: callee, at: site.at, reason: "the number is in data" });
      for (const { node: writer, value: stored } of stores ?? [])
        answer(writer, writer.start, behind(stored, wanted));
      return;
    }
    const known = callers.get(callee) ?? [];
    if (live.get(callee)?.takenAsPointer || known.length === 0) {
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
  answer(node, site.at, value);
  const outcome = open.length > 0 ? "unknown" : value && value.inputs.length > 0 ? "wrapper" : "constant";
  return { node, site, outcome, decisions, open };
}
