// SPDX-License-Identifier: MIT
/** Where execution begins: the loader, the program's entry, initialisers; and `main`, and what runs at exit. */
import { DT, STT } from "../elf/constants.js";
import type { ElfFile } from "../elf/file.js";
import { isFunction } from "../elf/symbol-table.js";
import type { Constituents } from "./closure.js";
import type { Graph, GraphNode } from "./graph.js";
import { isCode, type Module } from "./module.js";
import type { Root } from "./reach.js";

export interface Roots {
  readonly startup: readonly Root[];
  readonly mainRoots: readonly Root[];
  /** What the program offers to those who look it up by name. */
  readonly exported: readonly Root[];
  /** Initialisers of the modules of name services. */
  readonly nss: readonly Root[];
  /** What is loaded by name while the program runs, and what is looked up by name then. */
  readonly dlopen: readonly Root[];
  /** Undefined where start-up and main cannot be told apart: then all roots count as both. */
  readonly main: GraphNode | undefined;
}

/** Found by name while the program runs. */
export interface LoadedLater {
  /** Indices of the objects that are asked for. */
  readonly libraries: ReadonlySet<number>;
  readonly functions: ReadonlySet<string>;
}

const rdi = 7;

/**
 * What glibc's loader looks up by name before the program starts: in libc (elf/dl-call-libc-early-init.c), and wherever
 * memory is managed (__rtld_malloc_init_real in elf/dl-minimal.c).
 */
const calledByLoader = new Set(["__libc_early_init", "malloc", "calloc", "realloc", "free"]);

export function findRoots(graph: Graph, closure: Constituents, later: LoadedLater): Roots {
  const [program] = graph.modules;
  const dlopen = laterRoots(graph, closure, later);
  const none = { startup: [], mainRoots: [], exported: [], nss: [], dlopen, main: undefined };
  if (program === undefined) return none;
  if (isLibrary(program.file)) {
    const mainRoots = exportedRoots(graph, program);
    addInitialisers(graph, program, "init", [DT.INIT, DT.INIT_ARRAY, DT.INIT_ARRAYSZ], mainRoots);
    addInitialisers(graph, program, "fini", [DT.FINI, DT.FINI_ARRAY, DT.FINI_ARRAYSZ], mainRoots);
    return { ...none, mainRoots };
  }
  const startup: Root[] = [];
  const atExit: Root[] = [];
  const nss: Root[] = [];
  const hasLoader = closure.objects.some(({ reason }) => reason === "interpreter");
  closure.objects.forEach(({ reason }, index) => {
    const module = graph.modules[index] as Module;
    if (reason === "nss") {
      addInitialisers(graph, module, "init", [DT.INIT, DT.INIT_ARRAY, DT.INIT_ARRAYSZ], nss);
      return;
    }
    if (reason === "dlopen" || reason === "gconv") return;
    if (reason === "program" || reason === "interpreter") addEntry(graph, module, startup);
    if (hasLoader) startup.push(...exportedRoots(graph, module, (name) => calledByLoader.has(name)));
    addInitialisers(graph, module, "init", [DT.INIT, DT.INIT_ARRAY, DT.INIT_ARRAYSZ], startup);
    addInitialisers(graph, module, "init", [0, DT.PREINIT_ARRAY, DT.PREINIT_ARRAYSZ], startup);
    addInitialisers(graph, module, "fini", [DT.FINI, DT.FINI_ARRAY, DT.FINI_ARRAYSZ], atExit);
  });
  const main = findMain(graph, program);
  const exit = graph.functionNamed("exit") ?? symbolNode(graph, program, "exit");
  if (main === undefined || exit === undefined) {
    const all = [...startup, ...atExit, ...(main === undefined ? [] : [{ node: main, label: "main" }])];
    const exported = exportedRoots(graph, program);
    return { startup: all, mainRoots: all, exported, nss, dlopen, main: undefined };
  }
  return {
    startup,
    mainRoots: [{ node: main, label: "main" }, { node: exit, label: "exit" }, ...atExit],
    exported: exportedRoots(graph, program),
    nss,
    dlopen,
    main,
  };
}

/** Something to be called, and not to be started: a shared library, or objects without a main. */
function isLibrary({ kind, linkage, interpreter, entry }: ElfFile): boolean {
  return (kind === "shared" || linkage === "relocatable") && interpreter === undefined && entry === 0n;
}

/** Objects that are loaded later run their initialisers; of one that was asked for anything may be called. */
function laterRoots(graph: Graph, closure: Constituents, later: LoadedLater): readonly Root[] {
  const roots: Root[] = [];
  closure.objects.forEach(({ reason }, index) => {
    const module = graph.modules[index] as Module;
    if (reason === "dlopen" || reason === "gconv") {
      addInitialisers(graph, module, "init", [DT.INIT, DT.INIT_ARRAY, DT.INIT_ARRAYSZ], roots);
      addInitialisers(graph, module, "fini", [DT.FINI, DT.FINI_ARRAY, DT.FINI_ARRAYSZ], roots);
    }
    const isAsked = later.libraries.has(index);
    if (!isAsked && later.functions.size === 0) return;
    roots.push(...exportedRoots(graph, module, (name) => isAsked || later.functions.has(name)));
  });
  return roots;
}

function exportedRoots(
  graph: Graph,
  module: Module,
  isWanted: (name: string) => boolean = () => true,
): Root[] {
  const roots: Root[] = [];
  const { dynamicSymbolTable: table } = module.file;
  for (let symbol = 0; symbol < table.count; symbol++) {
    if (!isFunction(table, symbol) || table.sizes[symbol] === 0) continue;
    const label = table.nameOf(symbol);
    if (isWanted(label))
      roots.push({ node: graph.functionAt(module, table.values[symbol] as number), label });
  }
  return roots;
}

function addEntry(graph: Graph, module: Module, roots: Root[]): void {
  const entry = Number(module.file.entry);
  if (isCode(module, entry))
    roots.push({ node: graph.functionAt(module, entry), label: `entry of ${module.name}` });
}

function addInitialisers(
  graph: Graph,
  module: Module,
  what: string,
  [single, array, arrayBytes]: readonly [number, number, number],
  roots: Root[],
): void {
  const value = (tag: number) =>
    Number(module.file.dynamic?.entries.findLast((entry) => entry.tag === tag)?.value ?? 0n);
  const label = `${what} of ${module.name}`;
  const first = value(single);
  if (single !== 0 && isCode(module, first)) roots.push({ node: graph.functionAt(module, first), label });
  const start = value(array);
  const end = start + value(arrayBytes);
  for (const node of graph.pointeesBetween(module, start, end)) roots.push({ node, label });
}

/** The function that start-up code gets as its first argument: from the entry, or from what it calls. */
function findMain(graph: Graph, program: Module): GraphNode | undefined {
  const named = symbolNode(graph, program, "main");
  if (named !== undefined) return named;
  const entry = Number(program.file.entry);
  if (!isCode(program, entry)) return undefined;
  const first = graph.functionAt(program, entry);
  const callees = graph
    .edges(first)
    .filter(({ at, target }) => at !== undefined && target.module === program);
  for (const node of [first, ...callees.map(({ target }) => target)]) {
    for (const state of graph.flow(node).whole().values()) {
      const [address, ...others] = state.register(rdi).constants;
      if (address !== undefined && others.length === 0 && isCode(program, address))
        return graph.functionAt(program, address);
    }
  }
  return undefined;
}

function symbolNode(graph: Graph, module: Module, name: string): GraphNode | undefined {
  const { symbolTable: table } = module.file;
  const found = table
    .named(name)
    .find((symbol) => isFunction(table, symbol) && table.types[symbol] !== STT.GNU_IFUNC);
  return found === undefined ? undefined : graph.functionAt(module, table.values[found] as number);
}
