// SPDX-License-Identifier: MIT
/** What a program needs of the kernel: it is loaded as its loader would, and what is known of it is not found twice. */

import { UklError } from "../errors.js";
import { codeDigest, type EntryCache } from "../host/entry-cache.js";
import { type FileView, hostView } from "../host/file-view.js";
import { readInput } from "../host/files.js";
import { stopwatch } from "../host/stopwatch.js";
import { type Findings, findInspection, inspectionKey, keepInspection } from "./cache.js";
import { type Constituents, loadClosure } from "./closure.js";
import { withNameServices } from "./nss.js";
import { type LinkOptions, linkObjects } from "./objects/objects.js";
import type { Inspection } from "./schema.js";

export interface InspectRequest {
  readonly path: string;
  readonly mode: Inspection["mode"];
  /** For an object or archive: what it is linked with. */
  readonly link?: LinkOptions;
  /** Where the program and its libraries are; this machine by default. */
  readonly view?: FileView;
  /** Libraries that the program loads by paths that it puts together, such as an interpreter's extensions. */
  readonly alsoLoaded?: readonly string[];
  /** Where earlier inspections are; without it nothing is read or kept. */
  readonly cache?: EntryCache;
}

/** Throws UKL-201 to UKL-211 about the file that is inspected; about the compiler of an object UKL-401 and UKL-404. */
export async function inspect(request: InspectRequest): Promise<Inspection> {
  return (await find(request, false)).inspection;
}

/** The same, and which of the program's system call instructions can become calls. */
export function inspectForBinding(request: InspectRequest): Promise<Findings> {
  return find(request, true);
}

async function find(
  { path, mode, link = {}, view = hostView, alsoLoaded = [], cache }: InspectRequest,
  findsBindings: boolean,
): Promise<Findings> {
  const time = stopwatch();
  const bytes = await readInput(view.locate(path));
  const linked = await linkObjects(bytes, path, link);
  const started: Constituents = linked ?? (await withNameServices(await loadClosure(path, { bytes, view })));
  time.lap("load");
  const { objects, missing } = started;
  const asked = { mode, missing, alsoLoaded, findsBindings };
  // What was put together from objects is linked anew, which takes as long as to inspect it.
  const key = linked === undefined && cache ? inspectionKey(await codeDigest(), objects, asked) : undefined;
  const known = cache && key && (await findInspection(cache, key, { path: objects[0]?.path ?? path, view }));
  if (known) return { ...known, inspection: { ...known.inspection, timingsMs: time.totalMs() } };
  // The full decoder alone takes longer to load than a known inspection to read.
  const { analyse } = await import("./analysis.js");
  time.lap("modules");
  const { later, bindings, ...inspection } = await analyse(started, {
    mode,
    linked,
    findsBindings,
    time,
    alsoLoaded,
  });
  if (cache && key) await keepInspection(cache, key, { inspection, bindings }, { later, view });
  return { inspection, bindings };
}

/** What libraries that are loaded at run time consist of, without a look at their code. Those that are none are left out. */
export async function librariesOf(
  paths: readonly string[],
  view: FileView,
): Promise<Inspection["libraries"]> {
  const found = new Map<string, Inspection["libraries"][number]>();
  for (const path of paths) {
    const closure = await loadClosure(path, { view }).catch((error: unknown) => {
      if (error instanceof UklError) return undefined;
      throw error;
    });
    for (const { path: each, needed, sizeBytes } of closure?.objects ?? []) {
      const plain = { path: each, needed: [...needed], sizeBytes, reason: "dlopen" as const };
      found.set(each, { ...plain, namedBy: [], boundSymbols: [], versions: [] });
    }
  }
  return [...found.values()];
}
