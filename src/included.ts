// SPDX-License-Identifier: MIT
/** Programs and libraries that are in an image beside its application: what they need counts as well. */
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type ElfFile, parseElf } from "./elf/file.js";
import { UklError } from "./errors.js";
import type { EntryCache } from "./host/entry-cache.js";
import { type FileView, hostView, resolveIn } from "./host/file-view.js";
import type { Findings } from "./inspect/cache.js";
import { type InspectRequest, inspect, inspectForBinding, librariesOf } from "./inspect/inspect.js";
import type { Inspection } from "./inspect/schema.js";
import type { Tree } from "./rootfs/host-tree.js";
import type { RootFile } from "./rootfs/root.js";
import type { Target } from "./target.js";

/** To inspect one takes seconds, once. */
const mostPrograms = 32;
const mostExtensions = 256;
/** The cache keeps so many inspections. */
const mostIncluded = 256;
/** Where the loader looks for libraries by name: what is needed of them, it finds. */
const commonDirectory = /^\/(?:usr\/)?(?:local\/)?lib(?:64)?(?:\/x86_64-linux-gnu)?$/;

/**
 * The application with what its package has for it to load. Where its own calls are not all known, those of extensions
 * change nothing, and finding them can take minutes: of these, only what they need is looked up.
 */
export async function inspectApplication(
  path: string,
  target: Target | undefined,
  { cache, isBound }: { readonly cache: EntryCache; readonly isBound: boolean },
): Promise<Findings> {
  const view = target?.view ?? hostView;
  const request = { path, mode: "precise", view, cache } as const;
  const find = async (what: InspectRequest): Promise<Findings> =>
    isBound ? inspectForBinding(what) : { inspection: await inspect(what), bindings: [] };
  const found = await find(request);
  const { inspection: alone, bindings } = found;
  const alsoLoaded = target === undefined || alone.target.interp === undefined ? [] : extensionsOf(target);
  if (alsoLoaded.length === 0) return found;
  if (alone.complete) return find({ ...request, alsoLoaded });
  const known = new Set(alone.libraries.map((library) => library.path));
  const further = (await librariesOf(alsoLoaded, view)).filter((library) => !known.has(library.path));
  return { inspection: { ...alone, libraries: [...alone.libraries, ...further] }, bindings };
}

/**
 * That programs which are included by their own names can run: what is in a directory may be there for others. Throws
 * UKL-204 and UKL-205.
 */
export function checkNamedPrograms(
  files: readonly RootFile[],
  include: Readonly<Record<string, string>>,
): void {
  for (const { path, permissions, data } of files) {
    const hostPath = include[path];
    if (hostPath === undefined || (permissions & 0o111) === 0 || data[0] !== 0x7f) continue;
    try {
      parseElf(data, hostPath);
    } catch (error) {
      if (error instanceof UklError && (error.code === "UKL-204" || error.code === "UKL-205")) throw error;
    }
  }
}

/** What the included files need, each of which the application may execute or load. */
export async function inspectIncluded(
  files: readonly RootFile[],
  cache: EntryCache,
  scratch: string,
): Promise<ProgramsBeside> {
  const copies: string[] = [];
  for (const [index, { path, data }] of files.entries()) {
    if (!canRun(data)) continue;
    const copy = join(scratch, "included", String(index), basename(path));
    await mkdir(dirname(copy), { recursive: true });
    await writeFile(copy, data);
    copies.push(copy);
  }
  if (copies.length > mostIncluded) {
    const own = new Set(copies);
    const libraries = (await librariesOf(copies, hostView)).filter(({ path }) => !own.has(path));
    const open = `${copies.length} programs and libraries are included, too many to inspect`;
    return { inspections: [], libraries, open };
  }
  const inspections: Inspection[] = [];
  for (const path of copies) inspections.push(await inspect({ path, mode: "precise", cache }));
  return { inspections, libraries: [] };
}

/** Libraries that only the program itself knows how to find: extensions of an interpreter, modules of a server. */
function extensionsOf({ view, data, isWhole }: Target): readonly string[] {
  const paths = isWhole ? pathsBelow(view, "/") : data;
  const found = paths.filter(
    (path) =>
      /\.so(?:\.\d+)*$/.test(path) &&
      // A package of the program's own has a name without a version for who loads by it; of whole systems nobody knows.
      ((!isWhole && path.endsWith(".so")) || !commonDirectory.test(dirname(path))) &&
      resolveIn(view, path)?.node.kind === "file",
  );
  return found.length > mostExtensions ? [] : found;
}

function pathsBelow(view: FileView, directory: string): readonly string[] {
  return view.names(directory).flatMap((name) => {
    const path = join(directory, name);
    return view.node(path)?.kind === "directory" ? pathsBelow(view, path) : [path];
  });
}

export interface ProgramsBeside {
  readonly inspections: readonly Inspection[];
  /** What programs are loaded with that were not inspected. */
  readonly libraries: Inspection["libraries"];
  /** Why there may be more than what was found of them. */
  readonly open?: string;
}

export const noPrograms: ProgramsBeside = { inspections: [], libraries: [] };

/** The programs that come with a package or a container, which the application may execute. */
export function inspectBeside(
  tree: Tree,
  { view, file, isWhole }: Target,
  cache: EntryCache,
): Promise<ProgramsBeside> {
  const files = [...tree.files.values()].filter(
    (each) => (isWhole || each.isData) && each.path !== file && isProgram(each),
  );
  const tooMany = (count: number) => `${count} other programs are in the image, too many to inspect`;
  return inspectPrograms({ files, view, tooMany }, cache);
}

export interface ProgramsWish {
  readonly files: readonly RootFile[];
  readonly view: FileView;
  /** What is said when there are so many that none is inspected. */
  readonly tooMany: (count: number) => string;
}

/** Those of the files that are programs. */
export async function inspectPrograms(
  { files, view, tooMany }: ProgramsWish,
  cache: EntryCache,
): Promise<ProgramsBeside> {
  const paths = files.filter(isProgram).map(({ path }) => path);
  if (paths.length > mostPrograms) {
    return { inspections: [], libraries: await librariesOf(paths, view), open: tooMany(paths.length) };
  }
  const inspections: Inspection[] = [];
  for (const path of paths) inspections.push(await inspect({ path, mode: "precise", view, cache }));
  return { inspections, libraries: [] };
}

function isProgram({ data, permissions }: RootFile): boolean {
  const linkage = (permissions & 0o111) === 0 ? undefined : readElf(data)?.linkage;
  return linkage !== undefined && linkage !== "relocatable" && linkage !== "shared-library";
}

/** Whether it is an ELF file that is executed or loaded. */
export function canRun(data: Uint8Array): boolean {
  const elf = readElf(data);
  return elf !== undefined && elf.linkage !== "relocatable";
}

function readElf(data: Uint8Array): ElfFile | undefined {
  try {
    return data[0] === 0x7f ? parseElf(data, "") : undefined;
  } catch (error) {
    if (error instanceof UklError) return undefined;
    throw error;
  }
}
