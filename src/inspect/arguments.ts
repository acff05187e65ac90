// SPDX-License-Identifier: MIT
/** What live code passes to a system call beside its number, as far as that is constant. */
import type { GraphNode } from "./graph.js";
import type { ResolvedSite, ValueSearch } from "./sites.js";
import type { MachineState } from "./state.js";
import type { Value } from "./values.js";

/** A value, and the place in the code that decides it. */
export interface PassedValue {
  readonly value: number;
  readonly decider: GraphNode;
  readonly at: number;
}

export interface Passed {
  readonly values: readonly PassedValue[];
  /** Where it is not known what is passed. */
  readonly open: readonly Omit<PassedValue, "value">[];
}

/** The arguments of a system call by position, as register numbers: RDI, RSI, RDX. */
const argumentRegisters = [7, 6, 2] as const;
type Position = 0 | 1 | 2;

export function argumentAt(position: Position): (state: MachineState) => Value {
  return (state) => state.register(argumentRegisters[position]);
}

/** The first word of what an argument points to. */
export function wordBehind(position: Position): (state: MachineState) => Value {
  return (state) => state.behind(state.register(argumentRegisters[position]), 0);
}

/**
 * Looks at every site that can make the call `number`. Of a site that serves several calls an argument counts
 * for this one where number and argument are decided in the same place.
 */
export function passedTo(
  sites: readonly ResolvedSite[],
  search: ValueSearch,
  number: number,
  read: (state: MachineState) => Value,
): Passed {
  const values: PassedValue[] = [];
  const open: Omit<PassedValue, "value">[] = [];
  for (const { node, site, decisions } of sites) {
    const asking = decisions.filter((decision) => decision.number === number);
    if (asking.length === 0 || site.kind !== "syscall") continue;
    const isAlone = asking.length === decisions.length;
    const places = new Set(asking.map(placeOf));
    const found = search.before(node, site.at, read);
    for (const decision of found.decisions) {
      const { number: value, decider, at } = decision;
      if (isAlone || places.has(placeOf(decision))) values.push({ value, decider, at });
    }
    for (const end of found.open) if (isAlone) open.push({ decider: end.node, at: end.at });
  }
  return { values, open };
}

/** The same for values that are decided in one place of the code, which belong together. */
export function placeOf({ decider, at }: Pick<PassedValue, "decider" | "at">): string {
  return `${decider.id} ${at}`;
}
