// SPDX-License-Identifier: MIT
/** The directories that a program finds before anything of its own is there. */
import type { Owner } from "../host/file-view.js";
import type { RootDirectory } from "./host-tree.js";

/**
 * `bare`: for a program that is alone and names no files, which would not see the others. `debian`: as a Debian system
 * has them. `container`: what a container's runtime adds to the files of an image.
 */
export type Surroundings = "bare" | "debian" | "container";

interface Skeleton {
  readonly directories: ReadonlyMap<string, RootDirectory>;
  /** By path. */
  readonly links: ReadonlyMap<string, string>;
}

const root: Owner = { uid: 0, gid: 0 };

const everywhere: Readonly<Record<string, number>> = {
  "/bin": 0o755,
  "/dev": 0o755,
  "/etc": 0o755,
  "/proc": 0o555,
  "/sys": 0o555,
  "/tmp": 0o1777,
  "/var": 0o755,
  "/var/tmp": 0o1777,
  "/ukl": 0o755,
};

/** A root directory in memory would have the permissions of /tmp. */
const inContainers: Readonly<Record<string, number>> = { ...everywhere, "/": 0o755 };

/** Of the packages base-files and systemd: what a start of Debian leaves behind. */
const onDebian: Readonly<Record<string, number>> = {
  ...inContainers,
  "/home": 0o755,
  "/media": 0o755,
  "/mnt": 0o755,
  "/opt": 0o755,
  "/root": 0o700,
  "/run": 0o755,
  "/run/lock": 0o1777,
  "/srv": 0o755,
  "/usr": 0o755,
  "/usr/bin": 0o755,
  "/usr/lib": 0o755,
  "/usr/lib64": 0o755,
  "/usr/sbin": 0o755,
  "/var/backups": 0o755,
  "/var/cache": 0o755,
  "/var/lib": 0o755,
  "/var/log": 0o755,
  "/var/opt": 0o755,
  "/var/spool": 0o755,
};
/** And the merged /usr, by whose links programs are named that packages have in /usr. */
const linksOnDebian: Readonly<Record<string, string>> = {
  "/bin": "usr/bin",
  "/lib": "usr/lib",
  "/lib64": "usr/lib64",
  "/sbin": "usr/sbin",
  "/var/lock": "/run/lock",
  "/var/run": "/run",
};
/** base-files: files of a group's members belong to the group. */
const mail: RootDirectory = { permissions: 0o2775, owner: { uid: 0, gid: 8 } };

const directoriesOf: Readonly<Record<Surroundings, Readonly<Record<string, number>>>> = {
  bare: everywhere,
  container: inContainers,
  debian: onDebian,
};

/** A link gives way to a directory that some path of `taken` needs in its place. */
export function skeletonOf(surroundings: Surroundings, taken: readonly string[]): Skeleton {
  const directories = new Map(
    Object.entries(directoriesOf[surroundings]).map(([path, permissions]) => [
      path,
      { permissions, owner: root },
    ]),
  );
  if (surroundings !== "debian") return { directories, links: new Map() };
  const links = Object.entries(linksOnDebian).filter(
    ([link]) => !taken.some((path) => path === link || path.startsWith(`${link}/`)),
  );
  return { directories: new Map([...directories, ["/var/mail", mail]]), links: new Map(links) };
}
