// SPDX-License-Identifier: MIT
/** The files of a project, as kinds of projects look at them (src/projects/plan.ts). */
import { isUtf8 } from "node:buffer";
import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** What is larger nobody has written by hand. */
const mostTextBytes = 4 << 20;

/** `place` is a directory or a file. */
export function projectFiles(place: string) {
  const absolute = resolve(place);
  const isFile = statusOf(absolute)?.isFile() === true;
  const directory = isFile ? dirname(absolute) : absolute;
  const at = (path: string) => join(directory, path);
  return {
    place: absolute,
    directory,
    ...(isFile ? { file: basename(absolute) } : {}),
    names: (path = ".") => attempt(() => readdirSync(at(path)).sort()) ?? [],
    has: (path: string) => statusOf(at(path)) !== undefined,
    isDirectory: (path: string) => statusOf(at(path))?.isDirectory() === true,
    text(path: string) {
      const status = statusOf(at(path));
      if (!status?.isFile() || status.size > mostTextBytes) return undefined;
      const bytes = attempt(() => readFileSync(at(path)));
      return bytes !== undefined && isUtf8(bytes) ? bytes.toString() : undefined;
    },
  };
}

/** In bytes, of a file or of all those below a directory. */
export function fileSizes(path: string): readonly number[] {
  const status = attempt(() => lstatSync(path));
  if (status?.isFile()) return [status.size];
  if (!status?.isDirectory()) return [];
  return (attempt(() => readdirSync(path)) ?? []).flatMap((name) => fileSizes(join(path, name)));
}

function statusOf(path: string) {
  return attempt(() => statSync(path, { throwIfNoEntry: false }));
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
