// SPDX-License-Identifier: MIT
/**
 * A root file system that is read from archives: container layers over each other, or packages. Names are only ever
 * keys of a map: the bytes of files are kept under numbers of ours, so nothing an archive says reaches the disk
 * elsewhere. What is unpacked in all is limited.
 */
import { mkdir, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path/posix";
import { UklError } from "../errors.js";
import { type FileNode, type FileView, type Owner, resolveIn } from "../host/file-view.js";
import type { Budget } from "./container-blobs.js";
import { checkPlace, memberName } from "./member-name.js";
import { readTar, type TarMember } from "./tar/read.js";

export interface LayerOptions {
  /** May give a member another place. */
  readonly rename?: (name: string) => string;
  /** The holes of files count too: in an image they are zeros. */
  readonly budget?: Budget;
}

/** One archive, while it is laid over those before. */
interface Layer {
  readonly what: string;
  /** What this archive put there, with all directories above: its own whiteouts say nothing of it. */
  readonly own: Set<string>;
  readonly budget: Budget;
}

/** More members than any distribution has files. */
const mostMembers = 1 << 20;
/** Of all paths together. */
const mostPathBytes = 1 << 28;
const whiteout = ".wh.";
const opaqueWhiteout = ".wh..wh..opq";
/** The storage driver AUFS kept its own files under such names, in the root. */
const ofAufs = /^\/\.wh\.\.wh\.(?!\.opq$)/;
const root: Owner = { uid: 0, gid: 0 };

export class ArchiveTree implements FileView {
  readonly #nodes = new Map<string, FileNode>([["/", directory(0o755, root)]]);
  readonly #names = new Map<string, Set<string>>();
  readonly #contents: string;
  #count = 0;
  #pathBytes = 0;

  /** `contents` is a directory of ours, which need not be there yet. */
  constructor(contents: string) {
    this.#contents = contents;
  }

  node(path: string): FileNode | undefined {
    return this.#nodes.get(path);
  }

  names(path: string): readonly string[] {
    return [...(this.#names.get(path) ?? [])].sort();
  }

  locate(path: string): string {
    return resolveIn(this, path)?.node.content ?? join(this.#contents, "nowhere");
  }

  /**
   * Lays a tar archive over what is there, member by member, as umoci and containerd do: a later member finds what the
   * earlier ones made. Throws UKL-230 for what is no archive, UKL-233 for one with names that lead elsewhere, and
   * UKL-234.
   */
  async add(archive: AsyncIterable<unknown>, what: string, options: LayerOptions = {}): Promise<void> {
    const { rename = (name) => name, budget = { bytesLeft: Number.POSITIVE_INFINITY } } = options;
    const layer: Layer = { what, own: new Set(), budget };
    await mkdir(this.#contents, { recursive: true });
    let count = 0;
    try {
      for await (const member of readTar(archive)) {
        if (++count > mostMembers) throw tooMany(what, `more than ${mostMembers} members`);
        await this.#take(member, `/${rename(memberName(member.name, what))}`, layer);
      }
    } catch (error) {
      // What is of the disk is no fault of the archive; what else comes from the stream is.
      if (error instanceof UklError || (error instanceof Error && "syscall" in error)) throw error;
      throw malformedArchive(what, error instanceof Error ? error.message : String(error));
    }
    for (const name of this.names("/")) if (ofAufs.test(`/${name}`)) this.#remove(`/${name}`);
  }

  async #take(member: TarMember, path: string, layer: Layer): Promise<void> {
    const name = basename(path);
    if (name.startsWith(whiteout) && !ofAufs.test(path)) {
      this.#whiteOut(path, layer);
      return;
    }
    const place = this.#placeOf(path, layer);
    if (place === "/" && member.kind !== "directory") {
      throw malformedArchive(layer.what, `its root is to be a ${member.kind}`);
    }
    this.#put(place, await this.#nodeOf(member, layer), layer);
  }

  /** Takes away what earlier layers have at a place: in a directory that is not there, or is this layer's link, none. */
  #whiteOut(path: string, layer: Layer): void {
    const name = basename(path).slice(whiteout.length);
    const isOpaque = basename(path) === opaqueWhiteout;
    if (!isOpaque && (name === "" || name === "." || name === "..")) {
      throw malformedArchive(layer.what, `its whiteout ${JSON.stringify(path.slice(1))} names no file`);
    }
    let isBehindOwnLink = false;
    const found = resolveIn(this, dirname(path), (link) => {
      isBehindOwnLink ||= layer.own.has(link);
    });
    if (found?.node.kind !== "directory" || isBehindOwnLink) return;
    if (isOpaque) for (const each of this.names(found.path)) this.#removeLower(join(found.path, each), layer);
    else this.#removeLower(join(found.path, name), layer);
  }

  #removeLower(path: string, layer: Layer): void {
    if (!layer.own.has(path)) this.#remove(path);
    for (const name of this.names(path)) this.#removeLower(join(path, name), layer);
  }

  async #nodeOf(member: TarMember, layer: Layer): Promise<FileNode> {
    const { kind, permissions, owner, linkName, sizeBytes, device, attributes } = member;
    const modified = Math.floor(member.modifiedSeconds);
    const common = {
      permissions,
      owner,
      modified,
      sizeBytes: 0,
      ...(attributes.size > 0 ? { attributes } : {}),
    };
    switch (kind) {
      case "directory":
        return { ...common, kind };
      case "symlink":
        return { ...common, kind, target: linkName };
      case "link":
        return this.#linked(`/${memberName(linkName, layer.what)}`, layer);
      case "file":
        return { ...common, kind, sizeBytes, content: await this.#keep(member, layer) };
      default:
        return { ...common, kind: "other", special: { kind, major: 0, minor: 0, ...device } };
    }
  }

  async #keep({ sizeBytes, pieces, modifiedSeconds }: TarMember, { what, budget }: Layer): Promise<string> {
    const content = join(this.#contents, String(this.#count++));
    const handle = await open(content, "wx");
    try {
      let holes = sizeBytes;
      for await (const { offset, bytes } of pieces) {
        await handle.write(bytes, 0, bytes.length, offset);
        holes -= bytes.length;
      }
      if (holes > budget.bytesLeft)
        throw tooMany(what, "files with holes of more bytes than may be unpacked");
      budget.bytesLeft -= holes;
      await handle.truncate(sizeBytes);
      // An inspection that was made before is found again by the files' own times.
      await handle.utimes(modifiedSeconds, modifiedSeconds);
    } finally {
      await handle.close();
    }
    return content;
  }

  /** Where a member goes: its directory may be behind links, and is made where it is not there. */
  #placeOf(path: string, layer: Layer): string {
    if (path === "/") return path;
    const parent = dirname(path);
    const place = join(this.#directory(parent, layer), basename(path));
    checkPlace(place, layer.what);
    return place;
  }

  #directory(path: string, layer: Layer): string {
    const found = resolveIn(this, path);
    if (found?.node.kind === "directory") return found.path;
    let at = "/";
    for (const part of path.split("/").filter((each) => each !== "")) {
      const next = resolveIn(this, part, undefined, at);
      if (next?.node.kind === "directory") {
        at = next.path;
        continue;
      }
      const place = join(at, part);
      if (this.#nodes.has(place)) {
        throw malformedArchive(layer.what, `${path} is to be a directory, and ${place} is none`);
      }
      this.#put(place, directory(0o755, root), layer);
      at = place;
    }
    return at;
  }

  #linked(path: string, layer: Layer): FileNode {
    const above = resolveIn(this, dirname(path));
    const node = above && this.#nodes.get(join(above.path, basename(path)));
    if (node !== undefined && node.kind !== "directory") return node;
    throw malformedArchive(layer.what, `a hard link is to ${path}, which is not there`);
  }

  #put(path: string, node: FileNode, layer: Layer): void {
    const isSameDirectory = node.kind === "directory" && this.#nodes.get(path)?.kind === "directory";
    if (!isSameDirectory) this.#remove(path);
    if (!this.#nodes.has(path)) this.#pathBytes += path.length;
    if (this.#nodes.size > mostMembers || this.#pathBytes > mostPathBytes) {
      throw tooMany(layer.what, "more files and directories, or longer names, than any system has");
    }
    this.#nodes.set(path, node);
    for (let own = path; !layer.own.has(own) && own !== "/"; own = dirname(own)) layer.own.add(own);
    if (path === "/") return;
    const siblings = this.#names.get(dirname(path)) ?? new Set();
    this.#names.set(dirname(path), siblings.add(basename(path)));
  }

  #remove(path: string): void {
    for (const name of this.names(path)) this.#remove(join(path, name));
    this.#nodes.delete(path);
    this.#names.delete(path);
    this.#names.get(dirname(path))?.delete(basename(path));
  }
}

function directory(permissions: number, owner: Owner): FileNode {
  return { kind: "directory", permissions, owner, sizeBytes: 0 };
}

function malformedArchive(what: string, cause: string): UklError {
  return new UklError("UKL-230", { what: `${what} cannot be unpacked`, cause, fix: "make or fetch it anew" });
}

function tooMany(what: string, has: string): UklError {
  return new UklError("UKL-234", {
    what: `${what} is too big`,
    cause: `it has ${has}`,
    fix: "make it from fewer files, or allow more with --unpack-limit SIZE",
  });
}
