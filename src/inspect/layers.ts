// SPDX-License-Identifier: MIT
/**
 * What can run, by layers. The loader at work in a running program, and name services, are counted apart, since they
 * can be switched off: both are entered through pointers, which tell them from what the program does by itself.
 */
import { STT } from "../elf/constants.js";
import { noSection } from "../elf/symbol-table.js";
import type { Graph } from "./graph.js";
import { type FactsInForce, factsInForce, gnuLibrary } from "./library-facts.js";
import type { Module } from "./module.js";
import { databasesOf } from "./nss.js";
import { type Gate, type Reach, type Root, reachFrom } from "./reach.js";
import type { Roots } from "./roots.js";

/** The layers that code is in. */
export type Reaches = Readonly<Record<"startup" | "main" | "nss" | "dlopen", Reach>>;

/** Where the loader publishes its functions for libc (glibc's sysdeps/generic/ldsodefs.h). */
const loaderTable = "_rtld_global_ro";

/** What was found, and what it takes to go on from there when more is loaded. */
export interface LayerSearch {
  readonly reaches: Reaches;
  readonly facts: FactsInForce;
}

/** `earlier` is what was found before the roots of `dlopen` became more. */
export function reachLayers(graph: Graph, roots: Roots, earlier?: LayerSearch): LayerSearch {
  const loader = loaderFunctions(graph);
  const services = serviceFunctions(graph);
  const all = [...roots.startup, ...roots.mainRoots, ...roots.exported, ...roots.nss, ...roots.dlopen];
  const facts = factsInForce(graph, [...all, ...loader, ...services], earlier?.facts);
  // With the same facts, what the other layers reach is the same; they begin anew when one is lost.
  const known = facts.gate === earlier?.facts.gate ? earlier.reaches : undefined;
  const apart = new Set([...loader, ...services].map(({ node }) => node));
  const ownCode: Gate = {
    guarded: [...facts.gate.guarded, ...apart],
    passes: (from, target, isCall) =>
      (isCall || !apart.has(target)) && facts.gate.passes(from, target, isCall),
  };
  const beforeMain: Gate = {
    guarded: [...ownCode.guarded, ...(roots.main === undefined ? [] : [roots.main])],
    passes: (from, target, isCall) => target !== roots.main && ownCode.passes(from, target, isCall),
  };
  const startup = known?.startup ?? reachFrom(graph, roots.startup, beforeMain);
  const main = known?.main ?? reachMain(graph, roots, ownCode);
  const dlopen = reachFrom(graph, [...roots.dlopen, ...loader], facts.gate, known?.dlopen);
  const asked = askedDatabases(graph, [startup, main, dlopen]);
  const isAsked = ({ databases }: Lookup) =>
    databases.length === 0 ? asked.size > 0 : databases.some((database) => asked.has(database));
  const nssRoots = [...services.filter(isAsked), ...(asked.size > 0 ? roots.nss : [])];
  const nss = reachFrom(graph, nssRoots, ownCode, known?.nss);
  return { reaches: { startup, main, nss, dlopen }, facts };
}

/**
 * A program that looks functions up by name at run time, or loads libraries that do, may come back into any that
 * it exports.
 */
function reachMain(graph: Graph, { mainRoots, exported }: Roots, gate: Gate): Reach {
  const main = reachFrom(graph, mainRoots, gate);
  const looksUp = ["dlsym", "dlvsym", "dlopen", "dlmopen"].some((name) => {
    const node = graph.functionNamed(name);
    return node !== undefined && main.has(node);
  });
  return looksUp ? reachFrom(graph, [...mainRoots, ...exported], gate) : main;
}

/** The functions of the loader that libc is given pointers to: dlopen() and what goes with it. */
function loaderFunctions(graph: Graph): readonly Root[] {
  const table = graph.objectNamed(loaderTable);
  if (table === undefined) return [];
  return graph
    .edges(table)
    .filter(({ target }) => target.kind === "function")
    .map(({ target }) => ({ node: target, label: `${loaderTable} of ${table.module.name}` }));
}

/** The functions of name services, built into libc or in modules: `_nss_files_getpwnam_r` and the like. */
function serviceFunctions(graph: Graph): readonly Lookup[] {
  return lookups(graph).filter(({ label }) => label.startsWith(servicePrefix));
}

/** The databases in which live functions look something up. */
function askedDatabases(graph: Graph, reaches: readonly Reach[]): ReadonlySet<string> {
  const live = lookups(graph).filter(({ node }) => reaches.some((reach) => reach.has(node)));
  return new Set(live.flatMap(({ databases }) => databases));
}

/** A function that looks something up, or does so for one that does. */
interface Lookup extends Root {
  readonly databases: readonly string[];
}

const servicePrefix = "_nss_";
const known = new WeakMap<Module, readonly Lookup[]>();

/** Those in what can hold libc's name services: libc, their modules, a static program. */
function lookups(graph: Graph): readonly Lookup[] {
  const libc = gnuLibrary(graph);
  const homes = graph.modules.filter(
    (module) => module === libc || module.name.startsWith("libnss_") || module.file.interpreter === undefined,
  );
  return homes.flatMap((module) => {
    const found = known.get(module) ?? lookupsIn(graph, module);
    known.set(module, found);
    return found;
  });
}

function lookupsIn(graph: Graph, module: Module): readonly Lookup[] {
  const found: Lookup[] = [];
  for (const table of [module.file.symbolTable, module.file.dynamicSymbolTable]) {
    for (let symbol = 0; symbol < table.count; symbol++) {
      if (table.types[symbol] !== STT.FUNC || table.sections[symbol] === noSection.undefined) continue;
      const label = table.nameOf(symbol);
      const databases = databasesOf(label);
      if (databases.length === 0 && !label.startsWith(servicePrefix)) continue;
      found.push({ node: graph.functionAt(module, table.values[symbol] as number), label, databases });
    }
  }
  return found;
}
