// SPDX-License-Identifier: MIT
/**
 * A root file system to look into: this machine's own, or one that was read from archives and is nowhere on the disk.
 * Links are followed within it, so no path leads out.
 */
import { lstatSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { dirname, join } from "node:path/posix";

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
  /** Of another kind, where it is known. */
  readonly special?: SpecialFile;
  /** Extended attributes, where they are known. */
  readonly attributes?: ReadonlyMap<string, Uint8Array>;
}

export interface SpecialFile {
  readonly kind: "characterDevice" | "blockDevice" | "fifo";
  /** Of a device. */
  readonly major: number;
  readonly minor: number;
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

/**
 * `onLink` is told of links also when the way ends nowhere, which gives undefined. A relative path begins at `start`,
 * which no link leads through.
 */
export function resolveIn(
  view: Pick<FileView, "node">,
  path: string,
  onLink: (path: string, target: string) => void = () => undefined,
  start = "/",
): Resolved | undefined {
  let rest = partsOf(path);
  let at = path.startsWith("/") ? "/" : start;
  for (let links = 0; rest.length > 0; ) {
    const [part = "", ...others] = rest;
    const next = part === ".." ? dirname(at) : join(at, part);
    const node = view.node(next);
    if (node === undefined || (part === ".." && view.node(at)?.kind !== "directory")) return undefined;
    rest = others;
    if (node.target === undefined) {
      at = next;
      continue;
    }
    if (++links > mostLinks) return undefined;
    onLink(next, node.target);
    rest = [...partsOf(node.target), ...rest];
    if (node.target.startsWith("/")) at = "/";
  }
  const node = view.node(at);
  return node && { path: at, node };
}

/** `..` stays: behind a link it is not what it looks like. */
function partsOf(path: string): readonly string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
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
