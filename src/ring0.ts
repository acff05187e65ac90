// SPDX-License-Identifier: MIT
/** Programs beside the application that run in ring 0 too when they are executed. */
import { UklError } from "./errors.js";
import { resolveIn } from "./host/file-view.js";
import type { Tree } from "./rootfs/host-tree.js";
import type { RootFile } from "./rootfs/root.js";

/** An executable file that runs in ring 0: the sticky bit says so (kernel/patches). */
export const ring0Permissions = 0o1755;

interface Contents {
  readonly files: readonly RootFile[];
  readonly tree: Tree;
}

/**
 * Where the named programs are, without symbolic links. The application's own place is none of them: it does so anyway.
 * Throws UKL-101 for what is not in the image, or is not root's.
 */
export function ring0Files(
  programs: readonly string[],
  { files, tree }: Contents,
  application: readonly string[],
): ReadonlySet<string> {
  const all = new Map([...tree.files, ...files.map((file) => [file.path, file] as const)]);
  const view = { node: (path: string) => nodeOf(path, all, tree) };
  return new Set(
    programs.flatMap((program) => {
      const path = resolveIn(view, program)?.path ?? program;
      if (application.includes(path) || application.includes(program)) return [];
      const { owner } = all.get(path) ?? notThere(program);
      return (owner?.uid ?? 0) === 0 ? [path] : notRoots(program);
    }),
  );
}

export function withRing0(contents: Contents, ring0: ReadonlySet<string>): Contents {
  const mark = (file: RootFile) => (ring0.has(file.path) ? { ...file, permissions: ring0Permissions } : file);
  const { files, tree } = contents;
  if (ring0.size === 0) return contents;
  const marked = new Map([...tree.files].map(([path, file]) => [path, mark(file)] as const));
  return { files: files.map(mark), tree: { ...tree, files: marked } };
}

/** What is neither a file nor a link is a directory on the way to one. */
function nodeOf(path: string, files: ReadonlyMap<string, RootFile>, { links }: Tree) {
  const target = links.get(path);
  const kind = target !== undefined ? "symlink" : files.has(path) ? "file" : "directory";
  const node = { kind, permissions: 0o755, owner: { uid: 0, gid: 0 }, sizeBytes: 0 } as const;
  return target === undefined ? node : { ...node, target };
}

function notThere(program: string): never {
  throw new UklError("UKL-101", {
    what: `${program} cannot run in ring 0`,
    cause: "there is no such file in the image",
    fix: `name a program that the image has, or add it with --include ${program}=HOST`,
  });
}

function notRoots(program: string): never {
  throw new UklError("UKL-101", {
    what: `${program} cannot run in ring 0`,
    cause: "it does not belong to root, and whoever owns it could put another program in its place",
    fix: "give it to root, or leave it in ring 3",
  });
}
