// SPDX-License-Identifier: MIT
/**
 * Reads the host's files that a configuration puts into an image. What it names is taken, behind links too. In a
 * directory a symbolic link stays one, as with `cp -a`, as long as it leads to what the guest has: what is elsewhere
 * on the host comes in its place.
 */
import { isUtf8 } from "node:buffer";
import type { Stats } from "node:fs";
import { lstat, readdir, readlink, realpath, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { UklError } from "../errors.js";
import { secondsOf } from "../host/file-view.js";
import { readInput, unreadable } from "../host/files.js";
import { directoryOf, guestOwner, guestPermissions, type RootDirectory } from "./host-tree.js";
import type { RootFile } from "./root.js";

export interface Included {
  readonly files: readonly RootFile[];
  /** By guest path, those that were included with what is in them. */
  readonly directories: ReadonlyMap<string, RootDirectory>;
  /** By guest path. */
  readonly links: ReadonlyMap<string, string>;
  readonly linkTimes: ReadonlyMap<string, number>;
}

/** Where a directory of the host, without links on its way, is in the guest. */
interface Place {
  readonly real: string;
  readonly guestPath: string;
}

interface Collected {
  readonly files: RootFile[];
  readonly directories: Map<string, RootDirectory>;
  readonly links: Map<string, string>;
  readonly linkTimes: Map<string, number>;
  readonly places: Place[];
  /** Of files with several names, by device and inode. */
  readonly contents: Map<string, Uint8Array>;
}

/** The guest has its own. */
const ofTheGuest = /^\/(?:proc|sys|dev)(?:\/|$)/;

/** Directories with all that they hold. Throws UKL-201. */
export async function readIncluded(include: Readonly<Record<string, string>>): Promise<Included> {
  const included: Collected = {
    files: [],
    directories: new Map(),
    links: new Map(),
    linkTimes: new Map(),
    places: [],
    contents: new Map(),
  };
  for (const [guestPath, hostPath] of Object.entries(include)) await collect(guestPath, hostPath, included);
  return included;
}

/** What the host's path leads to. */
async function collect(guestPath: string, hostPath: string, included: Collected): Promise<void> {
  const status = await stat(hostPath).catch(() => undefined);
  if (status?.isDirectory()) {
    included.places.push({ real: await realpath(hostPath), guestPath });
    included.directories.set(
      guestPath,
      directoryOf({ permissions: status.mode, owner: status, modified: secondsOf(status) }),
    );
    for (const name of await namesIn(hostPath)) {
      const [inGuest, onHost] = [`${guestPath}/${name}`, join(hostPath, name)];
      const isLink = (await lstat(onHost)).isSymbolicLink();
      await (isLink ? collectLink : collect)(inGuest, onHost, included);
    }
    return;
  }
  if (status !== undefined && !status.isFile()) throw notIncludable(hostPath, await kindOf(hostPath));
  const data = await readOnce(hostPath, status, included);
  const known = status === undefined ? {} : { owner: guestOwner(status), modified: secondsOf(status) };
  const permissions = status === undefined ? 0o644 : guestPermissions(status.mode, status);
  included.files.push({
    path: guestPath,
    permissions,
    ...known,
    data,
    source: hostPath,
  });
}

/** Names of one file are names of one in the guest too. */
async function readOnce(
  hostPath: string,
  status: Stats | undefined,
  { contents }: Collected,
): Promise<Uint8Array> {
  const id = status !== undefined && status.nlink > 1 ? `${status.dev}:${status.ino}` : undefined;
  const data = (id === undefined ? undefined : contents.get(id)) ?? (await readInput(hostPath));
  if (id !== undefined) contents.set(id, data);
  return data;
}

/** Each directory that a link brings is brought once: other links to it lead there. */
async function collectLink(guestPath: string, hostPath: string, included: Collected): Promise<void> {
  const { links, linkTimes, places } = included;
  linkTimes.set(guestPath, secondsOf(await lstat(hostPath)));
  const written = await readlink(hostPath);
  const above = await realpath(dirname(hostPath));
  const real = await realpath(hostPath).catch(() => undefined);
  const next = resolve(above, written);
  if (real === undefined || ofTheGuest.test(next)) return void links.set(guestPath, written);
  // A link may lead through others; `..` behind one of those is not what it looks like.
  const target = (await realpath(next).catch(() => undefined)) === real ? next : real;
  const place = placeOf(places, target);
  if (place !== undefined) {
    const inGuest = join(place.guestPath, relative(place.real, target));
    const asWritten = target === next && resolve(dirname(guestPath), written) === inGuest;
    return void links.set(guestPath, asWritten ? written : inGuest);
  }
  const status = await stat(hostPath);
  // What is above comes to be what is above in the guest: to bring it would have no end.
  if (status.isFile() || (status.isDirectory() && !isIn(above, real)))
    return collect(guestPath, hostPath, included);
  links.set(guestPath, written);
}

/** The innermost, and of several the one that was included last. */
function placeOf(places: readonly Place[], path: string): Place | undefined {
  return places
    .filter(({ real }) => isIn(path, real))
    .reduce<Place | undefined>(
      (best, place) => (place.real.length >= (best?.real.length ?? 0) ? place : best),
      undefined,
    );
}

function isIn(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);
}

async function namesIn(path: string): Promise<readonly string[]> {
  const names = await readdir(path, { encoding: "buffer" }).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  const odd = names.find((name) => !isUtf8(name));
  if (odd !== undefined) {
    throw notIncludable(
      path,
      `a directory with the name ${JSON.stringify(odd.toString("latin1"))}, which is not UTF-8`,
    );
  }
  return names.map((name) => name.toString()).sort();
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
