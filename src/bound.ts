// SPDX-License-Identifier: MIT
/** The files of an image with their system call sites bound: each site that can is a call of the kernel. */
import { type ElfFile, parseElf } from "./elf/file.js";
import type { Bindings } from "./inspect/bindings.js";
import { bindSites, verifyBinding } from "./link/binding.js";
import type { Manifest } from "./manifest.js";
import type { Tree } from "./rootfs/host-tree.js";
import type { CallTable } from "./stubs/render.js";

export interface UnboundFiles extends BoundFiles {
  /** As the inspection calls the application's file. */
  readonly applicationPath: string;
}

export interface BoundFiles {
  readonly application: ElfFile;
  readonly tree: Tree;
}

export function bindFiles(
  { application, applicationPath, tree }: UnboundFiles,
  bindings: readonly Bindings[],
  calls: CallTable | undefined,
): BoundFiles {
  if (calls === undefined) return { application, tree };
  const files = new Map(tree.files);
  let boundApplication = application;
  for (const { path, bindable } of bindings) {
    if (path === applicationPath) {
      boundApplication = parseElf(bound(application, bindable, calls), application.path);
      continue;
    }
    const file = files.get(path);
    // Not all that was inspected is in the image.
    if (file === undefined) continue;
    files.set(file.path, { ...file, data: bound(parseElf(file.data, path), bindable, calls) });
  }
  return {
    application: boundApplication,
    tree: { ...tree, files },
  };
}

function bound(file: ElfFile, sites: Bindings["bindable"], { slotOf }: CallTable): Uint8Array {
  const bytes = bindSites(file, sites, slotOf);
  verifyBinding(file, bytes, sites, slotOf);
  return bytes;
}

/** The numbers that bound sites ask for. */
export function boundNumbers(bindings: readonly Bindings[]): ReadonlySet<number> {
  return new Set(bindings.flatMap(({ bindable }) => bindable.flatMap(({ number }) => number ?? [])));
}

/** How far above RSP bound sites have the word with their number. */
export function boundWords(bindings: readonly Bindings[]): ReadonlySet<number> {
  return new Set(bindings.flatMap(({ bindable }) => bindable.flatMap(({ wordAt }) => wordAt ?? [])));
}

/** How many sites are bound, how many are not for which reason, and what the calls of bound ones are. */
export function countSites(
  bindings: readonly Bindings[],
  { shortcuts }: CallTable,
): NonNullable<Manifest["sites"]> {
  const left: Record<string, number> = {};
  for (const { reason } of bindings.flatMap((file) => file.left)) left[reason] = (left[reason] ?? 0) + 1;
  const bound = bindings.reduce((sum, { bindable }) => sum + bindable.length, 0);
  return { bound, left, ...(shortcuts.length === 0 ? {} : { shortcuts: [...shortcuts] }) };
}
