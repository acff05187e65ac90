// SPDX-License-Identifier: MIT
/** Programs and libraries that are in an image beside its application: what they need counts as well. */
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parseElf } from "./elf/file.js";
import { UklError } from "./errors.js";
import type { EntryCache } from "./host/entry-cache.js";
import { inspect } from "./inspect/inspect.js";
import type { Inspection } from "./inspect/schema.js";
import type { RootFile } from "./rootfs/root.js";

export async function inspectIncluded(
  files: readonly RootFile[],
  cache: EntryCache,
  scratch: string,
): Promise<readonly Inspection[]> {
  const inspections: Inspection[] = [];
  for (const [index, { path, data }] of files.entries()) {
    if (!canRun(data)) continue;
    const copy = join(scratch, "included", String(index), basename(path));
    await mkdir(dirname(copy), { recursive: true });
    await writeFile(copy, data);
    inspections.push(await inspect({ path: copy, mode: "precise", cache }));
  }
  return inspections;
}

/** Whether it is an ELF file that is executed or loaded. */
export function canRun(data: Uint8Array): boolean {
  try {
    return parseElf(data, "").linkage !== "relocatable";
  } catch (error) {
    if (error instanceof UklError) return false;
    throw error;
  }
}
