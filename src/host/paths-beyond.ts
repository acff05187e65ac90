// SPDX-License-Identifier: MIT
/** What of directories is there beside what is known already. */
import { lstatSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";

/**
 * Files, and directories of which nothing is known. Nothing for a path that is absent, or that leads to something
 * known; links within a directory are not followed.
 */
export function pathsBeyond(path: string, known: ReadonlySet<string>): readonly string[] {
  const real = realPath(path);
  if (real === undefined) return [];
  const { isWhole, paths } = beyond(real, known);
  return isWhole ? [path] : paths;
}

interface Beyond {
  /** Nothing of it is known. */
  readonly isWhole: boolean;
  readonly paths: readonly string[];
}

function beyond(path: string, known: ReadonlySet<string>): Beyond {
  if (!isDirectory(path)) return known.has(path) ? { isWhole: false, paths: [] } : whole(path);
  const inside = namesIn(path).map((name) => beyond(join(path, name), known));
  if (!known.has(path) && inside.every(({ isWhole }) => isWhole)) return whole(path);
  return { isWhole: false, paths: inside.flatMap(({ paths }) => paths) };
}

function whole(path: string): Beyond {
  return { isWhole: true, paths: [path] };
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path).sort();
  } catch {
    return [];
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
