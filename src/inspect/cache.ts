// SPDX-License-Identifier: MIT
/**
 * Inspections that were made before. One is found again by what it was made from: the analysis itself, and the build
 * ids or digests of the program and of all that is loaded with it. An entry that is not what it should be is made anew.
 */
import { join } from "node:path";
import { z } from "zod";
import { type EntryCache, entryCache, fileState } from "../host/entry-cache.js";
import type { FileView } from "../host/file-view.js";
import { sha256 } from "../host/files.js";
import { parseJson } from "../json.js";
import { type Bindings, bindings } from "./bindings.js";
import type { LoadedObject } from "./loaded-object.js";
import { type Inspection, inspectionSchema } from "./schema.js";

/** A file that was loaded beyond those of the key, because the analysis found its name. */
const laterFile = z.object({ path: z.string(), sizeBytes: z.number(), modifiedMs: z.number() });

const entrySchema = z.object({
  key: z.string(),
  laterFiles: z.array(laterFile),
  inspection: inspectionSchema,
  bindings: z.array(bindings),
});

/** What is kept of one program. */
export interface Findings {
  readonly inspection: Inspection;
  readonly bindings: readonly Bindings[];
}

/** Half a megabyte each, for a program with many libraries. */
const mostEntries = 256;

/** In the toolkit's cache directory. */
export function inspectionCache(root: string): EntryCache {
  return entryCache(join(root, "inspections"), mostEntries);
}

/** What an inspection depends on, in 64 hexadecimal digits. `analysis` is the digest of the code that makes it. */
export function inspectionKey(analysis: string, objects: readonly LoadedObject[], request: unknown): string {
  const inputs = objects.map(({ path, name, reason, file, sizeBytes }) => [
    // Where the program itself is makes no difference beyond what is loaded with it.
    ...[reason === "program" ? name : path, reason, sizeBytes],
    // Not the build-id: whoever changes a linked file leaves that as it is.
    sha256(file.bytes),
  ]);
  return sha256(JSON.stringify([analysis, request, inputs]));
}

/** `path` is where the program is now. */
export async function findInspection(
  cache: EntryCache,
  key: string,
  { path, view }: { readonly path: string; readonly view: FileView },
): Promise<Findings | undefined> {
  const text = await cache.read(`${key}.json`);
  const entry = text === undefined ? undefined : entrySchema.safeParse(parseJson(text)).data;
  if (entry?.key !== key) return undefined;
  for (const { path: later, sizeBytes, modifiedMs } of entry.laterFiles) {
    const state = await fileState(view.locate(later));
    if (state?.sizeBytes !== sizeBytes || state.modifiedMs !== modifiedMs) return undefined;
  }
  const { target, libraries, ...rest } = entry.inspection;
  const moved = libraries.map((library) => (library.reason === "program" ? { ...library, path } : library));
  const bound = entry.bindings.map((file) => (file.path === target.path ? { ...file, path } : file));
  return { inspection: { ...rest, target: { ...target, path }, libraries: moved }, bindings: bound };
}

export async function keepInspection(
  cache: EntryCache,
  key: string,
  findings: Findings,
  { later, view }: { readonly later: readonly LoadedObject[]; readonly view: FileView },
): Promise<void> {
  const laterFiles: z.infer<typeof laterFile>[] = [];
  for (const { path } of later) {
    const state = await fileState(view.locate(path));
    if (state === undefined) return;
    laterFiles.push({ path, ...state });
  }
  await cache.write(`${key}.json`, JSON.stringify({ key, laterFiles, ...findings }));
}
