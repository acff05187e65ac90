// SPDX-License-Identifier: MIT
/**
 * What a program asks its loader for while it runs: the libraries that live code names to dlopen(3), and the
 * functions that it names to dlsym(3). A name that is computed, or read from a file, is reported as open.
 */
import type { Graph, GraphNode } from "./graph.js";
import type { Module } from "./module.js";
import { functionFinder, qualifiedName } from "./names.js";
import type { Reach } from "./reach.js";
import { liveObject, RecordKind } from "./records.js";
import { type Effort, everyEffort, type Found, type ValueSearch } from "./sites.js";
import { textAt } from "./text.js";

/** A name in the program's data, and the code that passes it on. */
export interface AskedName {
  readonly name: string;
  readonly by: Module;
  /** For a reader: function and address. */
  readonly evidence: string;
}

export interface RuntimeNames {
  readonly libraries: readonly AskedName[];
  readonly functions: readonly AskedName[];
  /** Where a name is passed that could not be told. */
  readonly openLibraries: readonly string[];
  readonly openFunctions: readonly string[];
  /** The files whose code does so for libraries. */
  readonly openModules: ReadonlySet<Module>;
}

/** RSI and RDI. */
const secondArgument = 6;
const firstArgument = 7;

/** The functions that take a name, and the register that it is in. */
const libraryTakers: readonly (readonly [string, number])[] = [
  ["dlopen", firstArgument],
  ["dlmopen", secondArgument],
  ["__libc_dlopen_mode", firstArgument],
];
const functionTakers: readonly (readonly [string, number])[] = [
  ["dlsym", secondArgument],
  ["dlvsym", secondArgument],
  ["__libc_dlsym", secondArgument],
];

/** A library that glibc opens by a function of its own that has no name: the text is what can be seen. */
const libraryName = /^lib[\w+-]+\.so\.\d+$/;

/** A loader that is called through a pointer gets its names from anywhere. */
const callersOnly: Effort = { ...everyEffort, throughPointers: false };

export function findRuntimeNames(graph: Graph, live: Reach, search: ValueSearch): RuntimeNames {
  const find = functionFinder(graph);
  const direct = search.within(callersOnly);
  const ask = (takers: typeof libraryTakers) => {
    const nodes = new Map(takers.map(([taker, register]) => [find(taker), register]));
    const found = [...nodes].flatMap(([node, register]) =>
      node === undefined || !live.has(node) ? [] : [direct.passedTo(node, { kind: "register", register })],
    );
    return readNames(found);
  };
  const libraries = ask(libraryTakers);
  const functions = ask(functionTakers);
  return {
    libraries: [...libraries.asked, ...namedByLibc(graph, live)],
    functions: functions.asked,
    openLibraries: libraries.open,
    openFunctions: functions.open,
    openModules: libraries.openModules,
  };
}

function readNames(found: readonly Found[]) {
  const asked: AskedName[] = [];
  const open = new Set<string>();
  const openModules = new Set<Module>();
  const place = (node: GraphNode, at: number) => `${qualifiedName(node)} at 0x${at.toString(16)}`;
  for (const { decisions, open: ends } of found) {
    for (const { node, at } of ends) {
      open.add(place(node, at));
      openModules.add(node.module);
    }
    for (const { number, decider, at } of decisions) {
      // No name means the program itself.
      if (number === 0) continue;
      const name = textAt(decider.module, number);
      if (name === undefined) {
        open.add(place(decider, at));
        openModules.add(decider.module);
      } else asked.push({ name, by: decider.module, evidence: place(decider, at) });
    }
  }
  return { asked, open: [...open], openModules };
}

/** libgcc_s for unwinding and libidn2 for names of hosts, where live code of the C library mentions them. */
function namedByLibc(graph: Graph, live: Reach): readonly AskedName[] {
  const libc = graph.functionNamed("__libc_start_main")?.module;
  if (libc === undefined || libc.index === 0) return [];
  const asked: AskedName[] = [];
  live.eachMention({ module: libc, lastKind: RecordKind.store }, (address, id, _, kind) => {
    const name = kind === liveObject ? undefined : textAt(libc, address, "lib");
    if (name === undefined || !libraryName.test(name) || name === libc.file.dynamic?.soname) return;
    asked.push({ name, by: libc, evidence: qualifiedName(graph.nodeOf(id)) });
  });
  return asked;
}
