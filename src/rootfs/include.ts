// SPDX-License-Identifier: MIT
/** Reads the host's files that a configuration puts into an image. */
import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { UklError } from "../errors.js";
import { readInput, unreadable } from "../host/files.js";
import { directoryOf, guestOwner, type RootDirectory } from "./host-tree.js";
import type { RootFile } from "./root.js";

export interface Included {
  readonly files: readonly RootFile[];
  /** By guest path, those that were included with what is in them. */
  readonly directories: ReadonlyMap<string, RootDirectory>;
}

interface Collected {
  readonly files: RootFile[];
  readonly directories: Map<string, RootDirectory>;
}

/** Directories with all the files they hold, symbolic links followed. Throws UKL-201. */
export async function readIncluded(include: Readonly<Record<string, string>>): Promise<Included> {
  const included: Collected = { files: [], directories: new Map() };
  for (const [guestPath, hostPath] of Object.entries(include))
    await collect(guestPath, hostPath, included, []);
  return included;
}

/** `above` are the real paths of the directories that the file was reached through. */
async function collect(
  guestPath: string,
  hostPath: string,
  included: Collected,
  above: readonly string[],
): Promise<void> {
  const status = await stat(hostPath).catch(() => undefined);
  if (status?.isDirectory()) {
    const real = await realpath(hostPath);
    if (above.includes(real)) throw notIncludable(hostPath, "a symbolic link to a directory that it is in");
    included.directories.set(guestPath, directoryOf({ permissions: status.mode, owner: status }));
    for (const name of await namesIn(hostPath)) {
      await collect(`${guestPath}/${name}`, join(hostPath, name), included, [...above, real]);
    }
    return;
  }
  if (status !== undefined && !status.isFile()) throw notIncludable(hostPath, await kindOf(hostPath));
  const data = await readInput(hostPath);
  const owner = status === undefined ? {} : { owner: guestOwner(status) };
  included.files.push({ path: guestPath, permissions: (status?.mode ?? 0o644) & 0o777, ...owner, data });
}

async function namesIn(path: string): Promise<readonly string[]> {
  const names = await readdir(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  return names.sort();
}

async function kindOf(path: string): Promise<string> {
  return (await lstat(path)).isSymbolicLink()
    ? "a symbolic link that does not end at a file"
    : "not a regular file";
}

function notIncludable(path: string, cause: string): UklError {
  return new UklError("UKL-201", {
    what: `${path} cannot be put into an image`,
    cause: `it is ${cause}`,
    fix: "include regular files and directories only",
  });
}
