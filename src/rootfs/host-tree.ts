// SPDX-License-Identifier: MIT
/**
 * Files for an image, at the paths where they are now: a program that was put together by a distribution finds its
 * libraries and data where it looks for them. Symbolic links on the way stay symbolic links.
 */
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path/posix";
import { UklError } from "../errors.js";
import {
  type FileNode,
  type FileView,
  hostView,
  type Owner,
  resolveIn,
  type SpecialFile,
} from "../host/file-view.js";
import { readInput } from "../host/files.js";
import { validForever } from "./bytecode.js";
import type { RootFile } from "./root.js";

export interface RootDirectory {
  readonly permissions: number;
  readonly owner: Owner;
  readonly modified?: number | undefined;
}

/** Part of a root file system. */
export interface Tree {
  /** By path; links have their targets as they are written. */
  readonly links: ReadonlyMap<string, string>;
  /** When links were made, where that is known. */
  readonly linkTimes: ReadonlyMap<string, number>;
  readonly directories: ReadonlyMap<string, RootDirectory>;
  readonly files: ReadonlyMap<string, RootFile>;
  /** Pipes and devices. */
  readonly specials: ReadonlyMap<string, RootSpecial>;
  /** Extended attributes of files and directories, by path. */
  readonly attributes: ReadonlyMap<string, Attributes>;
}

export type Attributes = ReadonlyMap<string, Uint8Array>;

export interface RootSpecial extends SpecialFile, RootDirectory {}

export const emptyTree: Tree = {
  links: new Map(),
  linkTimes: new Map(),
  directories: new Map(),
  files: new Map(),
  specials: new Map(),
  attributes: new Map(),
};

const emptyDirectory: RootDirectory = { permissions: 0o755, owner: { uid: 0, gid: 0 } };
/** Others mean something to the machine that they are from (xattr(7)): labels of a policy, states of an overlay. */
const keptAttributes = /^(?:user\..|security\.capability$)/;
/** Of a directory that is taken whole: more is no configuration. */
const mostFiles = 4096;
/** To the patched kernel it says that a program runs in ring 0. */
const sticky = 0o1000;
/** A running kernel makes what is there, and the guest has one of its own. */
const ofTheKernel = /^\/(?:proc|sys|dev)\/./;
/** Accounts from here on are people's (login.defs: UID_MIN), and say nothing in a guest. */
const firstPerson = 1000;

export class HostTree implements Tree {
  readonly links = new Map<string, string>();
  readonly linkTimes = new Map<string, number>();
  readonly directories = new Map<string, RootDirectory>();
  readonly files = new Map<string, RootFile>();
  readonly specials = new Map<string, RootSpecial>();
  readonly attributes = new Map<string, Attributes>();
  readonly #view: FileView;
  readonly #ownerOf: (owner: Owner) => Owner;
  readonly #contents = new Map<string, Uint8Array>();

  /** `keepsOwners`: the accounts are the view's own, and not those of people on this machine. */
  constructor(view: FileView = hostView, keepsOwners = false) {
    this.#view = view;
    this.#ownerOf = keepsOwners ? (owner) => owner : guestOwner;
  }

  /** Adds a file, or a directory with all in it. What is not there, or is no plain file, is left out. */
  async add(path: string, most = mostFiles): Promise<void> {
    const before = this.files.size;
    const add = async (next: string): Promise<void> => {
      const found = this.#find(next);
      if (found === undefined || this.files.has(found.path)) return;
      this.#addAttributes(found.path, found.node);
      if (found.node.kind === "file") await this.#addFile(found.path, found.node);
      else if (found.node.kind === "other") this.#addSpecial(found.path, found.node);
      else if (found.node.kind === "directory" && !this.directories.has(found.path)) {
        this.directories.set(found.path, directoryOf(found.node, this.#ownerOf));
        for (const name of this.#view.names(found.path)) await add(join(found.path, name));
      }
      if (this.files.size - before > most) throw tooMany(path, most);
    };
    await add(path);
  }

  /**
   * Adds what a package has at a path: a file, or a directory alone, since a package names all that is in it. What it
   * configures is taken as it is now; what its programs write in /var is not this machine's to give.
   */
  async addData(path: string): Promise<void> {
    const found = this.#find(path);
    if (found?.node.kind === "directory") {
      if (/^\/etc\/./.test(path)) await this.add(path);
      else this.addDirectory(path);
    } else if (found?.node.kind === "file" && !this.files.has(found.path) && !path.startsWith("/var/")) {
      await this.#addFile(found.path, found.node, true);
      await this.#addBytecode(found.path, found.node);
    }
  }

  /** Adds a file at another place than its own. */
  async addAt(place: string, path: string): Promise<void> {
    const found = this.#find(path);
    if (found?.node.kind !== "file") return;
    await this.#addFile(place, { ...found.node, content: found.node.content ?? found.path });
  }

  /** Adds the links that lead to a file, and not the file. */
  addWay(path: string): void {
    this.#resolve(path);
  }

  /** Adds a directory without what is in it, when it is there. */
  addDirectory(path: string): void {
    const found = this.#resolve(path);
    if (found === undefined || found.node.kind !== "directory" || this.directories.has(found.path)) return;
    this.directories.set(found.path, directoryOf(found.node, this.#ownerOf));
  }

  /** Adds a directory that need not be there, behind the links on its way. */
  declareDirectory(path: string, { permissions, owner }: RootDirectory): void {
    this.directories.set(this.#placeOf(path), { permissions, owner: guestOwner(owner) });
  }

  /** Adds a directory where there is none. Throws UKL-201 where there is something else. */
  makeDirectory(path: string): void {
    let existing = path;
    while (this.#resolve(existing) === undefined) existing = dirname(existing);
    if (this.#resolve(existing)?.node.kind === "directory") {
      if (existing !== path) this.directories.set(this.#placeOf(path), emptyDirectory);
      return;
    }
    throw new UklError("UKL-201", {
      what: `${path} is to be a directory of the image`,
      cause: `${existing} is no directory`,
      fix: "make the image without it, or name another directory",
    });
  }

  #placeOf(path: string): string {
    if (path === "/") return path;
    return this.#resolve(path)?.path ?? join(this.#placeOf(dirname(path)), basename(path));
  }

  async #addFile(path: string, node: FileNode, isData?: true): Promise<void> {
    const { permissions, owner, content, modified } = node;
    const data = await this.#read(content ?? path);
    const source = content ?? path;
    const own = { permissions: guestPermissions(permissions, owner), owner: this.#ownerOf(owner), modified };
    const file = { path, ...own, data, source };
    this.files.set(path, isData ? { ...file, isData } : file);
  }

  #addAttributes(path: string, { attributes }: FileNode): void {
    const kept = new Map([...(attributes ?? [])].filter(([name]) => keptAttributes.test(name)));
    if (kept.size > 0) this.attributes.set(path, kept);
  }

  /** The guest has its own devices. */
  #addSpecial(path: string, { special, permissions, owner }: FileNode): void {
    if (special === undefined || path.startsWith("/dev/")) return;
    this.specials.set(path, { ...special, permissions, owner });
  }

  /** Once for all names of a file: they are links in the image too. */
  async #read(location: string): Promise<Uint8Array> {
    const status = await stat(location).catch(() => undefined);
    const id = status !== undefined && status.nlink > 1 ? `${status.dev}:${status.ino}` : location;
    const data = this.#contents.get(id) ?? (await readInput(location));
    this.#contents.set(id, data);
    return data;
  }

  /** What Python compiled when the package was installed. */
  async #addBytecode(path: string, source: FileNode): Promise<void> {
    const [, directory, name] = /^(.*)\/([^/]+)\.py$/.exec(path) ?? [];
    if (name === undefined || directory === undefined) return;
    for (const cached of this.#view.names(`${directory}/__pycache__`)) {
      if (!cached.startsWith(`${name}.cpython-`) || !/^\.cpython-\d+\.pyc$/.test(cached.slice(name.length)))
        continue;
      const place = `${directory}/__pycache__/${cached}`;
      const node = this.#view.node(place);
      const data = node?.kind === "file" ? await validForever(node, source) : undefined;
      if (node === undefined || data === undefined) continue;
      const { permissions, modified } = node;
      const file = { path: place, permissions: permissions & ~sticky, modified, data, isData: true } as const;
      this.files.set(place, file);
    }
  }

  /** Undefined, too, for what is the kernel's. */
  #find(path: string) {
    const found = this.#resolve(path);
    return found === undefined || ofTheKernel.test(found.path) ? undefined : found;
  }

  /** The path without links; each link on the way is added. Undefined when it leads nowhere. */
  #resolve(path: string) {
    return resolveIn(this.#view, path, (link, target) => {
      if (ofTheKernel.test(link)) return;
      this.links.set(link, target);
      const { modified } = this.#view.node(link) ?? {};
      if (modified !== undefined) this.linkTimes.set(link, modified);
    });
  }
}

/** What a later tree has at a path stands for what earlier ones have there. */
export function mergeTrees(...trees: readonly Tree[]): Tree {
  const merged = {
    links: new Map<string, string>(),
    linkTimes: new Map<string, number>(),
    directories: new Map<string, RootDirectory>(),
    files: new Map<string, RootFile>(),
    specials: new Map<string, RootSpecial>(),
    attributes: new Map<string, Attributes>(),
  };
  for (const { links, linkTimes, directories, files, specials, attributes } of trees) {
    for (const [path, time] of linkTimes) merged.linkTimes.set(path, time);
    for (const [path, special] of specials) merged.specials.set(path, special);
    for (const [path, own] of attributes) merged.attributes.set(path, own);
    for (const [path, target] of links) {
      merged.files.delete(path);
      merged.links.set(path, target);
    }
    for (const [path, directory] of directories) merged.directories.set(path, directory);
    for (const [path, file] of files) {
      merged.links.delete(path);
      merged.files.set(path, file);
    }
  }
  return merged;
}

export function directoryOf(
  { permissions, owner, modified }: Pick<FileNode, "permissions" | "owner" | "modified">,
  ownerOf: (owner: Owner) => Owner = guestOwner,
): RootDirectory {
  return { permissions: permissions & 0o3777, owner: ownerOf(owner), modified };
}

/** The same tree, checked out by anybody, gives the same image. */
export function guestOwner({ uid, gid }: Owner): Owner {
  return { uid: uid < firstPerson ? uid : 0, gid: gid < firstPerson ? gid : 0 };
}

/** Without the sticky bit, and what would make a program run as somebody who is not in the guest. */
export function guestPermissions(permissions: number, owner: Owner): number {
  const { uid, gid } = guestOwner(owner);
  return permissions & (0o777 | (uid === owner.uid ? 0o4000 : 0) | (gid === owner.gid ? 0o2000 : 0));
}

function tooMany(path: string, most: number): UklError {
  return new UklError("UKL-201", {
    what: `${path} cannot be put into an image`,
    cause: `it holds more than ${most} files`,
    fix: "name what the program needs of it with --include",
  });
}
