// SPDX-License-Identifier: MIT
/** The passes of an inspection, each with the earlier ones' results. */
import type { ElfFile } from "../elf/file.js";
import { sha256 } from "../host/files.js";
import type { Stopwatch } from "../host/stopwatch.js";
import { findBindings } from "./bindable.js";
import type { Bindings } from "./bindings.js";
import { describeCalls, describeUnknown, everyCall } from "./calls.js";
import type { Constituents } from "./closure.js";
import { describeConstants } from "./constant-features.js";
import { readFrameRanges } from "./eh-frame.js";
import { explainer } from "./evidence.js";
import { explore } from "./explore.js";
import { describeFeatures } from "./features.js";
import { describeFiles } from "./files.js";
import { type Bind, Graph } from "./graph.js";
import { describeLibraries } from "./libraries.js";
import type { LoadedObject } from "./loaded-object.js";
import { type FunctionRanges, type Module, openModule } from "./module.js";
import type { linkObjects } from "./objects/objects.js";
import { readGoFunctions } from "./pclntab.js";
import { Scanner } from "./scanner.js";
import type { Inspection } from "./schema.js";
import { type ResolvedSite, resolveSites } from "./sites.js";
import { unreachedSites } from "./sweep.js";
import { indexSymbols, type SymbolIndex } from "./symbol-lookup.js";
import { describeTls } from "./tls.js";
import { describeVerdicts } from "./verdict.js";
import { vsyscallFeature } from "./vsyscall.js";

interface AnalysisOptions {
  readonly mode: Inspection["mode"];
  readonly linked: Awaited<ReturnType<typeof linkObjects>>;
  /** Whether to look for sites that can become calls. */
  readonly findsBindings: boolean;
  readonly time: Stopwatch;
  /** Libraries that the program loads by paths that it puts together. */
  readonly alsoLoaded?: readonly string[];
}

/** An inspection, and what was loaded on the way that `started` has not. */
interface Analysis extends Inspection {
  readonly later: readonly LoadedObject[];
  readonly bindings: readonly Bindings[];
}

export async function analyse(
  started: Constituents,
  { mode, linked, findsBindings, time, alsoLoaded }: AnalysisOptions,
): Promise<Analysis> {
  let symbols = indexSymbols(started);
  const scanner = new Scanner();
  const graph = new Graph(openModules(started.objects, 0, scanner), scanner, bindIn(symbols));
  try {
    time.lap("functions");
    const extend = ({ objects }: Constituents) => {
      symbols = indexSymbols({ objects });
      graph.extend(openModules(objects, graph.modules.length, scanner), bindIn(symbols));
    };
    const explored = await explore(graph, started, extend, alsoLoaded);
    const { closure, reaches, live, search, runtimeNames } = explored;
    time.lap("reach");

    const sites = resolveSites(graph, live, search);
    const unreached = unreachedSites(graph, live);
    time.lap("sites");
    const paths = closure.objects.map(({ path }) => path);
    const bindings = findsBindings ? findBindings(graph, { sites, live, paths }) : [];
    time.lap("bindings");

    const unknownSites = describeUnknown(sites, unreached);
    const undefinedSymbols = [...(linked?.undefinedSymbols ?? [])];
    const complete = undefinedSymbols.length === 0 && unknownSites.every(({ reached }) => !reached);
    const found = describeCalls(graph, sites, reaches);
    const syscalls = mode === "strict" && !complete ? everyCall(found, unknownSites) : found;
    const explain = explainer(reaches);
    const constants = describeConstants(sites, explored, explain);
    const facts = {
      complete,
      target: linked?.target ?? describeTarget(closure),
      libraries: [...describeLibraries(closure, symbols, runtimeNames), ...(linked?.archives ?? [])],
      missingLibraries: [...closure.missing],
      undefinedSymbols,
      files: [...describeFiles(graph, explored, explain)],
      features: [
        ...describeFeatures(graph, explored, { calls: syscalls, constants, explain }),
        ...vsyscallFeature(explored.closure),
      ],
      socketFamilies: [...constants.socketFamilies],
      unknownSites,
    };
    const problems = closure.objects.flatMap(({ name, file }) =>
      file.problems.map((what) => ({ name, what })),
    );
    const verdicts = describeVerdicts({ ...facts, problems });
    const tls = describeTls(closure);
    time.lap("report");
    return {
      schemaVersion: 1,
      mode,
      ...facts,
      syscalls: [...syscalls],
      sites: countSites(sites, unreached.length),
      tls,
      verdicts,
      timingsMs: time.totalMs(),
      bindings,
      later: closure.objects.slice(started.objects.length),
    };
  } finally {
    graph.free();
  }
}

function countSites(sites: readonly ResolvedSite[], unreached: number): Inspection["sites"] {
  const count = (outcome: ResolvedSite["outcome"]) => sites.filter((site) => site.outcome === outcome).length;
  return {
    total: sites.length + unreached,
    constant: count("constant"),
    wrapper: count("wrapper"),
    unknown: count("unknown"),
    unreached,
  };
}

/** Opens the objects from an index on. */
function openModules(objects: Constituents["objects"], first: number, scanner: Scanner): readonly Module[] {
  return objects.slice(first).map(({ file, name, placeOf }, index) => ({
    ...openModule(first + index, name, file, functionRanges(file), scanner),
    ...(placeOf === undefined ? {} : { placeOf }),
  }));
}

function bindIn(symbols: SymbolIndex): Bind {
  return (name, version) => {
    const found = symbols.lookup(name, version);
    if (found === undefined) return undefined;
    const { value, size, type } = found.symbol;
    return { module: found.object, value: Number(value), sizeBytes: size, isResolver: type === "ifunc" };
  };
}

function functionRanges(file: ElfFile): FunctionRanges {
  const go = readGoFunctions(file);
  if (go === undefined) return readFrameRanges(file);
  return {
    starts: go.starts,
    ends: Float64Array.from(go.starts, (_, index) => go.starts[index + 1] ?? go.end),
  };
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
    stripped: file.symbolTable.count === 0,
  };
}
