// SPDX-License-Identifier: MIT
/** The files that a program looks for while it runs, as far as its text and the functions it uses tell. */
import type { Explain } from "./evidence.js";
import type { Explored } from "./explore.js";
import { databaseFiles, functionRules, pathRules } from "./file-rules.js";
import type { Graph } from "./graph.js";
import { type FindFunction, functionFinder, qualifiedName } from "./names.js";
import { boundNames, databasesOf } from "./nss.js";
import { livePaths } from "./plugins.js";
import type { Inspection } from "./schema.js";

type File = Inspection["files"][number];

/** Sorted by path. Of several reasons for a file the most particular is kept. */
export function describeFiles(graph: Graph, explored: Explored, explain: Explain): readonly File[] {
  const files = new Map<string, File>();
  const add = (file: File) => {
    if (!files.has(file.path) && !files.has(`${file.path}/`)) files.set(file.path, file);
  };
  for (const file of loadedFiles(explored)) add(file);
  const find = functionFinder(graph);
  const isLive: FindFunction = (name) => {
    const node = find(name);
    return node !== undefined && explored.live.has(node) ? node : undefined;
  };
  for (const { functions, kind, paths, reason } of functionRules) {
    const [node] = functions.flatMap((name) => isLive(name) ?? []);
    if (node === undefined) continue;
    for (const path of paths) add({ path, kind, reason, evidence: explain(node) });
  }
  for (const file of databases(explored, isLive, explain)) add(file);
  // That a text is there says nothing of programs: libc has the shell's, whoever it is linked with.
  const named = livePaths(graph, explored.live, ({ index }) => !isNameService(explored, index), true);
  for (const [path, all] of livePaths(graph, explored.live)) {
    const rule = pathRules.find(([form]) => form.test(path));
    const nodes = rule?.[1] === "program" ? (named.get(path) ?? new Set()) : all;
    const [first] = nodes;
    if (rule === undefined || first === undefined) continue;
    const mentionedBy = [...nodes].map(qualifiedName).sort();
    add({ path, kind: rule[1], reason: rule[2], evidence: explain(first), mentionedBy });
  }
  return [...files.values()].sort((left, right) => (left.path < right.path ? -1 : 1));
}

function isNameService({ closure }: Explored, index: number): boolean {
  return closure.objects[index]?.reason === "nss";
}

/** Libraries that are loaded by name; one that is not there has only the name it is asked by. */
function loadedFiles({ closure, runtimeNames }: Explored): readonly File[] {
  const { objects, loader } = closure;
  const named = runtimeNames.libraries.map(({ name, evidence }): File => {
    const found = objects[loader?.byName.get(name) ?? -1];
    return { path: found?.path ?? name, kind: "dlopen", reason: "it is loaded by its name", evidence };
  });
  const modules = objects.flatMap(({ path, name, reason }): readonly File[] => {
    if (reason !== "nss" && reason !== "dlopen") return [];
    const why = reason === "nss" ? "a name service is this module" : "what is loaded by name needs it";
    return [{ path, kind: reason, reason: why, evidence: name }];
  });
  return [...modules.filter(({ kind }) => kind === "nss"), ...named, ...modules];
}

function databases({ closure }: Explored, isLive: FindFunction, explain: Explain): readonly File[] {
  const [program] = closure.objects;
  // A program that has all libraries in it binds nothing: its own symbols tell.
  const own = program?.file.interpreter === undefined ? program?.file.symbolTable : undefined;
  const names = new Set(boundNames(closure));
  for (let symbol = 0; symbol < (own?.count ?? 0); symbol++) names.add(own?.nameOf(symbol) ?? "");
  const asked = new Map<string, string>();
  for (const name of names) {
    for (const database of databasesOf(name)) {
      if (!asked.has(database) && isLive(name) !== undefined) asked.set(database, name);
    }
  }
  const file = (path: string, reason: string, by: string): File => {
    const node = isLive(by);
    return { path, kind: "nss", reason, evidence: node === undefined ? by : explain(node) };
  };
  return [...asked].flatMap(([database, by]) => {
    const path = databaseFiles.get(database);
    return [
      file("/etc/nsswitch.conf", "it says which services look up names", by),
      ...(path === undefined ? [] : [file(path, `the database "${database}" is asked`, by)]),
    ];
  });
}
