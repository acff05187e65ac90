// SPDX-License-Identifier: MIT
/** What a program needs of the kernel: it is loaded as its loader would, and what is known of it is not found twice. */
import { codeDigest, type EntryCache } from "../host/entry-cache.js";
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
  { path, mode, link = {}, cache }: InspectRequest,
  findsBindings: boolean,
): Promise<Findings> {
  const time = stopwatch();
  const bytes = await readInput(path);
  const linked = await linkObjects(bytes, path, link);
  const started: Constituents = linked ?? (await withNameServices(await loadClosure(path, { bytes })));
  time.lap("load");
  const { objects, missing } = started;
  const asked = { mode, missing, findsBindings };
  // What was put together from objects is linked anew, which takes as long as to inspect it.
  const key = linked === undefined && cache ? inspectionKey(await codeDigest(), objects, asked) : undefined;
  const known = cache && key && (await findInspection(cache, key, objects[0]?.path ?? path));
  if (known) return { ...known, inspection: { ...known.inspection, timingsMs: time.totalMs() } };
  // The full decoder alone takes longer to load than a known inspection to read.
  const { analyse } = await import("./analysis.js");
  time.lap("modules");
  const { later, bindings, ...inspection } = await analyse(started, { mode, linked, findsBindings, time });
  if (cache && key) await keepInspection(cache, key, { inspection, bindings }, later);
  return { inspection, bindings };
}
