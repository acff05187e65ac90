// SPDX-License-Identifier: MIT
/**
 * What is known of the GNU C library beyond its code: helpers that it enters only for objects of a kind that a program
 * has to ask for. Reading the code does not show that, since the kind is a bit in memory of the program's own.
 */
import type { Graph, GraphNode } from "./graph.js";
import type { Module } from "./module.js";
import { type Gate, Reach, type Root, reachFrom } from "./reach.js";

/** The library does not go from a helper without a public name to `functions` unless one of `openedBy` can run. */
interface LibraryFact {
  readonly functions: readonly string[];
  readonly openedBy: readonly string[];
  /** Whether only a call from outside of the library opens it, because the library's own calls do not. */
  readonly fromOutside: boolean;
  /** Where glibc's source shows it. */
  readonly source: string;
}

/** Of glibc from 2.34 on, when libpthread became part of it. */
const libraryFacts: readonly LibraryFact[] = [
  {
    // A mutex changes the priority of its owner only if its attributes ask for it.
    functions: [
      ...["sched_getparam", "sched_getscheduler", "sched_setscheduler"],
      ...["sched_get_priority_max", "sched_get_priority_min"],
    ],
    openedBy: [
      ...[
        "pthread_mutexattr_setprotocol",
        "pthread_mutexattr_setprioceiling",
        "pthread_mutex_setprioceiling",
      ],
      "posix_spawnattr_setschedpolicy",
    ],
    fromOutside: false,
    source: "nptl/tpp.c",
  },
  {
    // What is spawned changes its group, session or priority only if asked; system() and popen() do not ask.
    functions: ["setpgid", "setsid", "sched_setparam", "getpgid"],
    openedBy: ["posix_spawnattr_setflags", "posix_spawn_file_actions_addtcsetpgrp_np"],
    fromOutside: true,
    source: "sysdeps/unix/sysv/linux/spawni.c",
  },
  {
    // A thread that ends unregisters the RPC services that it registered.
    functions: ["svc_unregister"],
    openedBy: ["svc_register"],
    fromOutside: false,
    source: "sunrpc/svc.c",
  },
  {
    // The maker of temporary names makes directories for mkdtemp() alone.
    functions: ["mkdir"],
    openedBy: ["mkdtemp"],
    fromOutside: false,
    source: "sysdeps/posix/tempname.c",
  },
  {
    // Messages are looked for in a directory below the current one only if the program has named such a one.
    functions: ["getcwd"],
    openedBy: ["bindtextdomain"],
    fromOutside: false,
    source: "intl/dcigettext.c",
  },
];

/** The GNU C library, when it is loaded: of what a static program has of it no names are public. */
export function gnuLibrary(graph: Graph): Module | undefined {
  return graph.functionNamed("gnu_get_libc_version")?.module;
}

interface Guard {
  readonly functions: readonly GraphNode[];
  readonly openers: readonly GraphNode[];
  readonly fromOutside: boolean;
}

/** Which facts hold in a program, as far as it is known what can run. */
export interface FactsInForce {
  /** Turns away the edges that the facts rule out. */
  readonly gate: Gate;
  readonly closed: readonly Guard[];
  /** All that can run, whatever its layer. */
  readonly reach: Reach;
  /** The edges that the gate was asked for in that search, and did not let pass. */
  readonly turnedAway: { readonly from: GraphNode; readonly target: GraphNode; readonly isCall: boolean }[];
}

/** `earlier` is what was found for fewer roots: its gate is kept as long as none of its facts is lost. */
export function factsInForce(
  graph: Graph,
  roots: readonly Root[],
  earlier: FactsInForce | undefined,
): FactsInForce {
  let facts = earlier ?? everyFact(graph);
  let more = roots;
  for (;;) {
    const { closed, reach, turnedAway } = facts;
    reachFrom(graph, more, noting(facts), reach);
    const still = closed.filter((guard) => !isOpened(guard, reach));
    if (still.length === closed.length) return facts;
    const gate = gateOf(graph, still);
    // The search goes on along the edges that only the lost facts ruled out.
    const open = turnedAway.filter(({ from, target, isCall }) => gate.passes(from, target, isCall));
    more = open.map(({ from, target }) => ({ node: target, label: from.module.name }));
    facts = { gate, closed: still, reach, turnedAway: turnedAway.filter((each) => !open.includes(each)) };
  }
}

function everyFact(graph: Graph): FactsInForce {
  const named = (name: string) => graph.functionNamed(name) ?? [];
  const closed = libraryFacts.map(({ functions, openedBy, fromOutside }) => ({
    functions: functions.flatMap(named),
    openers: openedBy.flatMap(named),
    fromOutside,
  }));
  return { gate: gateOf(graph, closed), closed, reach: new Reach(graph), turnedAway: [] };
}

function noting({ gate, turnedAway }: FactsInForce): Gate {
  return {
    guarded: gate.guarded,
    passes(from, target, isCall) {
      const passes = gate.passes(from, target, isCall);
      if (!passes) turnedAway.push({ from, target, isCall });
      return passes;
    },
  };
}

function gateOf(graph: Graph, closed: readonly Guard[]): Gate {
  const library = gnuLibrary(graph);
  if (library === undefined) return { guarded: [], passes: () => true };
  const publicStarts = new Set(library.file.dynamicSymbolTable.values);
  const guarded = closed.flatMap(({ functions }) => functions);
  const isGuarded = new Set(guarded);
  return {
    guarded,
    passes: (from, target) =>
      !isGuarded.has(target) || from.module !== library || publicStarts.has(from.start),
  };
}

function isOpened({ openers, fromOutside }: Guard, reach: Reach): boolean {
  const isLive = openers.some((opener) => reach.has(opener));
  return isLive && (!fromOutside || reach.entersFromOutside(openers));
}
