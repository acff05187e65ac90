// SPDX-License-Identifier: MIT
/**
 * What can run, with all that is loaded on the way. What live code asks the loader for by name is loaded and
 * read as well, and may ask for more: round by round, until nothing new is named.
 */
import { hostView } from "../host/file-view.js";
import { type Closure, type Constituents, extendClosure } from "./closure.js";
import type { Graph } from "./graph.js";
import { type LayerSearch, type Reaches, reachLayers } from "./layers.js";
import type { Module } from "./module.js";
import { withNameServices } from "./nss.js";
import { findPlugins } from "./plugins.js";
import { type Reach, unite } from "./reach.js";
import { findRoots, type LoadedLater } from "./roots.js";
import { type AskedName, findRuntimeNames, type RuntimeNames } from "./runtime-names.js";
import { openSearch, type ValueSearch } from "./sites.js";

export interface Explored {
  readonly closure: Constituents;
  /** What the roots of each layer lead to. */
  readonly reaches: Reaches;
  readonly live: Reach;
  readonly search: ValueSearch;
  readonly runtimeNames: RuntimeNames;
}

/** Plugins that load plugins: no program has more generations. */
const mostRounds = 8;

/** `extend` adds what a closure has more to the graph; `alsoLoaded` are paths that the program makes up itself. */
export async function explore(
  graph: Graph,
  start: Constituents,
  extend: (closure: Constituents) => void,
  alsoLoaded: readonly string[] = [],
): Promise<Explored> {
  let closure: Constituents = start;
  let later = nothingLater;
  let layers: LayerSearch | undefined;
  let plugins = askedBy(graph.modules[0], alsoLoaded);
  const searched = new Set<Module>();
  for (let round = 1; ; round++) {
    layers = reachLayers(graph, findRoots(graph, closure, later), layers);
    const { reaches } = layers;
    const live = unite(graph, Object.values(reaches));
    const search = openSearch(graph, live);
    const named = findRuntimeNames(graph, live, search);
    let next = await load(closure, named, plugins);
    if (isSame(later, next.later)) {
      // Once all else is settled, directories are looked into: of each file once.
      const modules = [...named.openModules].filter((module) => !searched.has(module));
      for (const module of modules) searched.add(module);
      const found = findPlugins(graph, live, new Set(modules), start.loader?.system.view ?? hostView);
      plugins = [...plugins, ...found];
      if (found.length > 0) next = await load(closure, named, plugins);
    }
    const { runtimeNames } = next;
    if (isSame(later, next.later) || round === mostRounds)
      return { closure, reaches, live, search, runtimeNames };
    extend(next.closure);
    closure = next.closure;
    later = next.later;
  }
}

function askedBy(by: Module | undefined, paths: readonly string[]): readonly AskedName[] {
  return by === undefined ? [] : paths.map((name) => ({ name, by, evidence: "it is in the image for that" }));
}

async function load(closure: Constituents, named: RuntimeNames, plugins: readonly AskedName[]) {
  const runtimeNames = { ...named, libraries: [...named.libraries, ...plugins] };
  const extended = await loadNamed(closure, runtimeNames);
  return { closure: extended, runtimeNames, later: describeLater(extended, runtimeNames) };
}

/** Not finding a library that it asks for is no end of a program: it may go on without. */
async function loadNamed(closure: Constituents, { libraries }: RuntimeNames): Promise<Constituents> {
  if (!hasLoader(closure)) return closure;
  let extended: Closure = closure;
  for (const { name, by } of libraries) extended = await extendClosure(extended, [name], "dlopen", by.index);
  const missing = closure.missing;
  if (extended.objects.length === closure.objects.length) return { ...extended, missing };
  return withNameServices({ ...extended, missing });
}

/** Objects are linked, and not loaded. */
function hasLoader(closure: Constituents): closure is Closure {
  return closure.loader !== undefined;
}

const nothingLater: LoadedLater = { libraries: new Set(), functions: new Set() };

function describeLater(closure: Constituents, names: RuntimeNames): LoadedLater {
  const { loader, objects } = closure;
  const asked = names.libraries.flatMap(({ name, by }) => {
    const index = loader?.byName.get(name);
    // A library that names itself wants to stay loaded.
    return index === undefined || index === by.index ? [] : [index];
  });
  // A handle of the C library serves to look up functions: where their names are known, those are all.
  const isNamed = (index: number) => names.openFunctions.length === 0 && isLibc(objects[index]);
  return {
    libraries: new Set(asked.filter((index) => !isNamed(index))),
    functions: new Set(names.functions.map(({ name }) => name)),
  };
}

function isLibc(object: Constituents["objects"][number] | undefined): boolean {
  return object?.soname === "libc.so.6" || object?.reason === "interpreter";
}

/** Names are only ever added, so their number tells. */
function isSame(left: LoadedLater, right: LoadedLater): boolean {
  return left.libraries.size === right.libraries.size && left.functions.size === right.functions.size;
}
