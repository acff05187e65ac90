// SPDX-License-Identifier: MIT
/**
 * Plugins: where code loads libraries by names that it computes, it has most often the name of their directory. What is
 * there may be loaded, as a configuration says.
 */
import { type FileView, resolveIn } from "../host/file-view.js";
import type { Graph, GraphNode } from "./graph.js";
import type { Module } from "./module.js";
import { qualifiedName } from "./names.js";
import type { Reach } from "./reach.js";
import { liveObject, RecordKind } from "./records.js";
import type { AskedName } from "./runtime-names.js";
import { textAt } from "./text.js";

/** Where libraries of all kinds are: a program that has such a path looks for one of them. */
const commonDirectory = /^\/(?:usr\/)?(?:local\/)?lib(?:64|exec|\/x86_64-linux-gnu)?\/*$/;
/** Anybody's files are there. */
const sharedDirectory = /^\/(?:tmp|var\/tmp|dev\/shm)\/*$/;
const mostPlugins = 256;

/** What lies in the directories that live code of `modules` names. */
export function findPlugins(
  graph: Graph,
  live: Reach,
  modules: ReadonlySet<Module>,
  view: FileView,
): readonly AskedName[] {
  if (modules.size === 0) return [];
  const plugins: AskedName[] = [];
  for (const [directory, [node]] of livePaths(graph, live, (module) => modules.has(module))) {
    if (node === undefined || commonDirectory.test(directory) || sharedDirectory.test(directory)) continue;
    const files = librariesIn(view, directory);
    if (files.length > mostPlugins) continue;
    const evidence = `${qualifiedName(node)}, which names ${directory}`;
    plugins.push(...files.map((name) => ({ name, by: node.module, evidence })));
  }
  return plugins;
}

function librariesIn(view: FileView, directory: string): readonly string[] {
  const real = resolveIn(view, directory)?.path;
  if (real === undefined) return [];
  return view
    .names(real)
    .filter((name) => name.endsWith(".so"))
    .map((name) => `${directory}/${name}`.replaceAll("//", "/"));
}

/** Text that begins like an absolute path, with the live functions and objects that refer to it. */
export function livePaths(
  graph: Graph,
  live: Reach,
  isWanted: (module: Module) => boolean = () => true,
  byCodeAlone = false,
): ReadonlyMap<string, ReadonlySet<GraphNode>> {
  const paths = new Map<string, Set<GraphNode>>();
  // What is loaded is no address of text, but perhaps a part of text.
  live.eachMention({ lastKind: RecordKind.address }, (address, id, module, kind) => {
    if (byCodeAlone && kind === liveObject) return;
    const text = isWanted(module) ? textAt(module, address, "/") : undefined;
    if (text === undefined || isProse(text)) return;
    const nodes = paths.get(text) ?? new Set();
    paths.set(text, nodes.add(graph.nodeOf(id)));
  });
  return paths;
}

/** A sentence, or a list of paths. */
function isProse(text: string): boolean {
  return /\s|:\/|[,;"'<>]/.test(text);
}
