// SPDX-License-Identifier: MIT
/**
 * Files of the host for an image, at the same paths: a program that was put together by a distribution finds its
 * libraries and data where it looks for them. Symbolic links on the way stay symbolic links.
 */
import { lstat, readdir, readlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path/posix";
import { UklError } from "../errors.js";
import { readInput } from "../host/files.js";
import type { RootFile } from "./root.js";

/** Part of a root file system. */
export interface Tree {
  /** By path; links have their targets as they are written. */
  readonly links: ReadonlyMap<string, string>;
  /** Path → permissions. */
  readonly directories: ReadonlyMap<string, number>;
  readonly files: ReadonlyMap<string, RootFile>;
}

/** As many as the kernel follows (MAXSYMLINKS in include/linux/namei.h). */
const mostLinks = 40;
/** Of a directory that is taken whole: more is no configuration. */
const mostFiles = 4096;

export class HostTree implements Tree {
  readonly links = new Map<string, string>();
  readonly directories = new Map<string, number>();
  readonly files = new Map<string, RootFile>();

  /** Adds a file, or a directory with all in it. What is not there, or is no plain file, is left out. */
  async add(path: string): Promise<void> {
    const real = await this.#resolve(path);
    if (real === undefined || this.files.has(real)) return;
    const status = await lstat(real);
    if (status.isFile()) {
      const data = await readInput(real);
      this.files.set(real, { path: real, permissions: status.mode & 0o777, data });
    } else if (status.isDirectory() && !this.directories.has(real)) {
      this.directories.set(real, status.mode & 0o1777);
      for (const name of (await readdir(real)).sort()) await this.add(join(real, name));
    }
    if (this.files.size > mostFiles) throw tooMany(path);
  }

  /** Adds the links that lead to a file, and not the file. */
  async addWay(path: string): Promise<void> {
    await this.#resolve(path);
  }

  /** Adds a directory without what is in it, when the host has it. */
  async addDirectory(path: string): Promise<void> {
    const real = await this.#resolve(path);
    if (real === undefined || this.directories.has(real)) return;
    const status = await lstat(real);
    if (status.isDirectory()) this.directories.set(real, status.mode & 0o1777);
  }

  /** The path without links; each link on the way is added. Undefined when it leads nowhere. */
  async #resolve(path: string): Promise<string | undefined> {
    let rest = resolve("/", path)
      .split("/")
      .filter((part) => part !== "");
    let at = "/";
    for (let links = 0; rest.length > 0; ) {
      const next = join(at, rest[0] ?? "");
      const status = await lstat(next).catch(() => undefined);
      if (status === undefined) return undefined;
      rest = rest.slice(1);
      if (!status.isSymbolicLink()) {
        at = next;
        continue;
      }
      if (++links > mostLinks) return undefined;
      const target = await readlink(next);
      this.links.set(next, target);
      rest = [
        ...resolve(dirname(next), target)
          .split("/")
          .filter((part) => part !== ""),
        ...rest,
      ];
      at = "/";
    }
    return at;
  }
}

function tooMany(path: string): UklError {
  return new UklError("UKL-201", {
    what: `${path} cannot be put into an image`,
    cause: `it holds more than ${mostFiles} files`,
    fix: "name what the program needs of it with --include",
  });
}
