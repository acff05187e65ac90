// SPDX-License-Identifier: MIT
/**
 * A root file system to look into: this machine's own, or one that was read from archives and is nowhere on the disk.
 * Links are followed within it, so no path leads out.
 */
import { lstatSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path/posix";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface FileNode {
  readonly kind: "file" | "directory" | "symlink" | "other";
  /** With set-user-ID, set-group-ID and sticky bit. */
  readonly permissions: number;
  readonly owner: Owner;
  readonly sizeBytes: number;
  /** When it was last changed, in seconds since 1970, where that is known. */
  readonly modified?: number;
  /** Of a link, as it is written. */
  readonly target?: string;
  /** Of a file: where its bytes are on this machine. */
  readonly content?: string;
}

export interface FileView {
  /** As lstat(2), of a path that no link leads through. */
  node(path: string): FileNode | undefined;
  /** Of a directory that no link leads through; sorted. */
  names(path: string): readonly string[];
  /** Where on this machine the bytes are of the file that a path leads to; nowhere if there is none. */
  locate(path: string): string;
}

interface Resolved {
  /** Without links. */
  readonly path: string;
  readonly node: FileNode;
}

/** As many as the kernel follows (MAXSYMLINKS in include/linux/namei.h). */
const mostLinks = 40;

/** `onLink` is told of links also when the way ends nowhere, which gives undefined. */
export function resolveIn(
  view: Pick<FileView, "node">,
  path: string,
  onLink: (path: string, target: string) => void = () => undefined,
): Resolved | undefined {
  let rest = partsOf(resolve("/", path));
  let at = "/";
  for (let links = 0; rest.length > 0; ) {
    const next = join(at, rest[0] ?? "");
    const node = view.node(next);
    if (node === undefined) return undefined;
    rest = rest.slice(1);
    if (node.target === undefined) {
      at = next;
      continue;
    }
    if (++links > mostLinks) return undefined;
    onLink(next, node.target);
    rest = [...partsOf(resolve(dirname(next), node.target)), ...rest];
    at = "/";
  }
  const node = view.node(at);
  return node && { path: at, node };
}

function partsOf(path: string): readonly string[] {
  return path.split("/").filter((part) => part !== "");
}

/** This machine's own files. */
export const hostView: FileView = {
  node(path) {
    const status = attempt(() => lstatSync(path, { throwIfNoEntry: false }));
    if (status === undefined) return undefined;
    const target = status.isSymbolicLink() ? attempt(() => readlinkSync(path)) : undefined;
    return {
      kind: kindOf(status),
      permissions: status.mode & 0o7777,
      owner: { uid: status.uid, gid: status.gid },
      sizeBytes: status.size,
      modified: secondsOf(status),
      content: path,
      ...(target === undefined ? {} : { target }),
    };
  },
  names: (path) => attempt(() => readdirSync(path).sort()) ?? [],
  locate: (path) => path,
};

/** What `upper` has hides what `lower` has; directories are joined. */
export function layered(upper: FileView, lower: FileView): FileView {
  const node = (path: string) => upper.node(path) ?? lower.node(path);
  return {
    node,
    names: (path) => [...new Set([...upper.names(path), ...lower.names(path)])].sort(),
    locate: (path) => resolveIn({ node }, path)?.node.content ?? lower.locate(path),
  };
}

/** Whether a path leads to a regular file. */
export function isFileIn(view: FileView, path: string): boolean {
  return attempt(() => statSync(view.locate(path), { throwIfNoEntry: false }))?.isFile() === true;
}

/** Whole ones: archives know no others. */
export function secondsOf({ mtimeMs }: { readonly mtimeMs: number }): number {
  return Math.floor(mtimeMs / 1000);
}

function kindOf(status: ReturnType<typeof lstatSync> & object): FileNode["kind"] {
  if (status.isFile()) return "file";
  if (status.isDirectory()) return "directory";
  return status.isSymbolicLink() ? "symlink" : "other";
}

/** What cannot be looked at is not there. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
