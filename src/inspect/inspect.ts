// SPDX-License-Identifier: MIT
/** What a program needs of the kernel: the passes of an inspection, each with the earlier ones' results. */
import type { ElfFile } from "../elf/file.js";
import { readInput, sha256 } from "../host/files.js";
import { stopwatch } from "../host/stopwatch.js";
import { describeCalls, describeUnknown, everyCall } from "./calls.js";
import { type Closure, type Constituents, extendClosure, loadClosure } from "./closure.js";
import { readFrameRanges } from "./eh-frame.js";
import { Graph, type GraphNode } from "./graph.js";
import { reachLayers } from "./layers.js";
import { describeLibraries, describeTls } from "./libraries.js";
import { type FunctionRanges, openModule } from "./module.js";
import { askedDatabases, nameServiceModules } from "./nss.js";
import { type LinkOptions, linkObjects } from "./objects/objects.js";
import { readGoFunctions } from "./pclntab.js";
import type { Reach } from "./reach.js";
import { findRoots } from "./roots.js";
import type { Inspection } from "./schema.js";
import { openSearch, resolveSites } from "./sites.js";
import { unreachedSites } from "./sweep.js";
import { indexSymbols, type SymbolIndex } from "./symbol-lookup.js";
import type { LiveFunction } from "./users.js";
import { describeFeatures, describeVerdicts } from "./verdict.js";

export interface InspectRequest {
  readonly path: string;
  readonly mode: Inspection["mode"];
  /** For an object or archive: what it is linked with. */
  readonly link?: LinkOptions;
}

/** Throws UKL-201 to UKL-211 about the file that is inspected; about the compiler of an object UKL-401 and UKL-404. */
export async function inspect({ path, mode, link = {} }: InspectRequest): Promise<Inspection> {
  const time = stopwatch();
  const linked = await linkObjects(path, link);
  const closure: Constituents = linked ?? (await withNameServices(await loadClosure(path)));
  const symbols = indexSymbols(closure);
  time.lap("load");
  const graph = openGraph(closure, symbols);
  try {
    time.lap("functions");
    const roots = findRoots(graph, closure);
    const reaches = reachLayers(graph, roots);
    time.lap("reach");

    const live = unite(Object.values(reaches));
    const sites = resolveSites(graph, live, openSearch(graph, live));
    const unreached = unreachedSites(graph, live);
    time.lap("sites");

    const unknownSites = describeUnknown(sites, unreached);
    const undefinedSymbols = [...(linked?.undefinedSymbols ?? [])];
    const complete = undefinedSymbols.length === 0 && unknownSites.every(({ reached }) => !reached);
    const found = describeCalls(graph, sites, reaches);
    const syscalls = mode === "strict" && !complete ? everyCall(found, unknownSites) : found;
    const features = describeFeatures(syscalls, closure);
    const target = linked?.target ?? describeTarget(closure);
    const missingLibraries = [...closure.missing];
    const facts = { complete, features, unknownSites, missingLibraries, undefinedSymbols, target };
    const count = (outcome: string) => sites.filter((site) => site.outcome === outcome).length;
    const libraries = [...describeLibraries(closure, symbols), ...(linked?.archives ?? [])];
    time.lap("report");
    return {
      schemaVersion: 1,
      mode,
      ...facts,
      libraries,
      syscalls: [...syscalls],
      sites: {
        total: sites.length + unreached.length,
        constant: count("constant"),
        wrapper: count("wrapper"),
        unknown: count("unknown"),
        unreached: unreached.length,
      },
      tls: describeTls(closure),
      verdicts: describeVerdicts(facts),
      timingsMs: time.totalMs(),
    };
  } finally {
    graph.free();
  }
}

/** Adds the modules that libc loads to look up users, hosts and the like. One that is not there is not used. */
async function withNameServices(closure: Closure): Promise<Closure> {
  const databases = askedDatabases(closure);
  if (databases.length === 0) return closure;
  const configuration = await readInput("/etc/nsswitch.conf").catch(() => Buffer.alloc(0));
  const modules = nameServiceModules(configuration.toString("utf8"), databases);
  const extended = await extendClosure(closure, modules, "nss");
  return { ...extended, missing: closure.missing };
}

function openGraph(closure: Constituents, symbols: SymbolIndex): Graph {
  const modules = closure.objects.map(({ file, name, placeOf }, index) => ({
    ...openModule(index, name, file, functionRanges(file)),
    ...(placeOf === undefined ? {} : { placeOf }),
  }));
  return new Graph(modules, (name, version) => {
    const found = symbols.lookup(name, version);
    if (found === undefined) return undefined;
    const { value, size, type } = found.symbol;
    return { module: found.object, value: Number(value), sizeBytes: size, isResolver: type === "ifunc" };
  });
}

function functionRanges(file: ElfFile): FunctionRanges {
  const go = readGoFunctions(file);
  if (go === undefined) return readFrameRanges(file);
  return {
    starts: go.starts,
    ends: Float64Array.from(go.starts, (_, index) => go.starts[index + 1] ?? go.end),
  };
}

function unite(reaches: readonly Reach[]): ReadonlyMap<GraphNode, LiveFunction> {
  const live = new Map<GraphNode, LiveFunction>();
  for (const reach of reaches) {
    for (const { node, takenAsPointer } of reach.nodes) {
      const known = live.get(node);
      live.set(node, { node, takenAsPointer: takenAsPointer || known?.takenAsPointer === true });
    }
  }
  return live;
}

function describeTarget({ objects: [program] }: Constituents): Inspection["target"] {
  if (program === undefined) throw new Error("a closure has at least the program");
  const { file, path } = program;
  const isProgram = file.linkage !== "shared-library";
  return {
    path,
    sha256: sha256(file.bytes),
    kind: isProgram ? "executable" : "shared library",
    arch: "x86-64",
    ...(file.interpreter === undefined ? {} : { interp: file.interpreter }),
    pie: isProgram && file.kind === "shared",
    stripped: file.symbols.length === 0,
  };
}
