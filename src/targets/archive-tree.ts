// SPDX-License-Identifier: MIT
/**
 * A root file system that is read from archives: container layers over each other, or packages. Names are only ever
 * keys of a map: the bytes of files are kept under numbers of ours, so nothing an archive says reaches the disk
 * elsewhere. What is unpacked in all is limited.
 */
import { once } from "node:events";
import { mkdir, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path/posix";
import type { Readable, Writable } from "node:stream";
import { type Extract, extract, type Header } from "tar-stream";
import { UklError } from "../errors.js";
import { type FileNode, type FileView, type Owner, resolveIn, secondsOf } from "../host/file-view.js";
import { memberName } from "./member-name.js";

interface LayerEntry {
  readonly path: string;
  readonly node: FileNode | { readonly hardLinkTo: string };
}

/** What one archive says, before it is laid over the others. */
interface Layer {
  readonly entries: readonly LayerEntry[];
  readonly removed: readonly string[];
  /** Directories of which nothing below shows. */
  readonly opaque: readonly string[];
}

/** More members than any distribution has files. */
const mostMembers = 1 << 20;
const whiteout = ".wh.";
const opaqueWhiteout = ".wh..wh..opq";
const root: Owner = { uid: 0, gid: 0 };

export class ArchiveTree implements FileView {
  readonly #nodes = new Map<string, FileNode>([["/", directory(0o755, root)]]);
  readonly #names = new Map<string, Set<string>>();
  readonly #contents: string;
  #count = 0;

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
   * Lays a tar archive over what is there; `rename` may give a member another place. Throws UKL-230 for what is no
   * archive and UKL-233 for one with names that lead elsewhere.
   */
  async add(
    archive: Readable,
    what: string,
    rename: (name: string) => string = (name) => name,
  ): Promise<void> {
    await mkdir(this.#contents, { recursive: true });
    const { entries, removed, opaque } = await this.#read(archive, what, rename);
    for (const path of opaque)
      for (const name of this.names(this.#placeOf(path, what)))
        this.#remove(join(this.#placeOf(path, what), name));
    for (const path of removed) this.#remove(this.#placeOf(path, what));
    for (const { path, node } of entries) {
      const place = this.#placeOf(path, what);
      this.#put(place, "hardLinkTo" in node ? this.#linked(node.hardLinkTo, what) : node);
    }
  }

  async #read(archive: Readable, what: string, rename: (name: string) => string): Promise<Layer> {
    const layer = { entries: [] as LayerEntry[], removed: [] as string[], opaque: [] as string[] };
    const members = extract();
    let count = 0;
    const fed = feed(archive, members);
    fed.catch(() => undefined); // It is looked at below, perhaps later than it fails.
    try {
      for await (const member of members) {
        const path = `/${rename(memberName(member.header.name, what))}`;
        const name = basename(path);
        if (name === opaqueWhiteout) layer.opaque.push(dirname(path));
        else if (name.startsWith(whiteout))
          layer.removed.push(join(dirname(path), name.slice(whiteout.length)));
        else {
          const node = await this.#nodeOf(member.header, member, what);
          if (node !== undefined) layer.entries.push({ path, node });
        }
        if (++count > mostMembers) throw tooMany(what);
        member.resume();
      }
      await fed;
    } catch (error) {
      archive.destroy();
      // A reason of ours says more than a stream that breaks off after it.
      const cause =
        error instanceof UklError
          ? error
          : await fed.then(
              () => error,
              (reason: unknown) => reason,
            );
      throw cause instanceof UklError ? cause : malformedArchive(what, cause);
    }
    return layer;
  }

  /** Devices and pipes are not taken: the guest has its own. */
  async #nodeOf(
    header: Header,
    bytes: AsyncIterable<unknown>,
    what: string,
  ): Promise<LayerEntry["node"] | undefined> {
    const { type, mode, uid, gid, size, linkname } = header;
    const modified =
      header.mtime === undefined ? {} : { modified: secondsOf({ mtimeMs: header.mtime.getTime() }) };
    const common = { permissions: mode & 0o7777, owner: { uid, gid }, ...modified };
    switch (type) {
      case "directory":
        return { ...common, kind: "directory", sizeBytes: 0 };
      case "symlink":
        return { ...common, kind: "symlink", sizeBytes: 0, target: linkname };
      case "link":
        return { hardLinkTo: `/${memberName(linkname, what)}` };
      case "file":
      case "contiguous-file":
        return { ...common, kind: "file", sizeBytes: size, content: await this.#keep(bytes, header.mtime) };
      default:
        return undefined;
    }
  }

  async #keep(bytes: AsyncIterable<unknown>, modified: Date): Promise<string> {
    const content = join(this.#contents, String(this.#count++));
    const handle = await open(content, "wx");
    try {
      for await (const chunk of bytes) await handle.write(chunk as Uint8Array);
      // An inspection that was made before is found again by the files' own times.
      await handle.utimes(modified, modified);
    } finally {
      await handle.close();
    }
    return content;
  }

  /** Where a member goes: its directory may be behind links of earlier layers, and is made where it is not there. */
  #placeOf(path: string, what: string): string {
    if (path === "/") return path;
    const parent = dirname(path);
    const found = resolveIn(this, parent);
    if (found?.node.kind === "directory") return join(found.path, basename(path));
    if (found !== undefined || this.#nodes.has(parent)) {
      throw malformedArchive(what, `${path} is in ${parent}, which is no directory`);
    }
    const made = this.#placeOf(parent, what);
    this.#put(made, directory(0o755, root));
    return join(made, basename(path));
  }

  #linked(path: string, what: string): FileNode {
    const node = this.#nodes.get(this.#placeOf(path, what));
    if (node !== undefined && node.kind !== "directory") return node;
    throw malformedArchive(what, `a hard link is to ${path}, which is not there`);
  }

  #put(path: string, node: FileNode): void {
    const isSameDirectory = node.kind === "directory" && this.#nodes.get(path)?.kind === "directory";
    if (!isSameDirectory) this.#remove(path);
    this.#nodes.set(path, node);
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

async function feed(archive: Readable, members: Extract): Promise<void> {
  // Its types are another library's; it is one of Node's in all that is used here.
  const sink = members as unknown as Writable;
  try {
    for await (const chunk of archive) if (!sink.write(chunk)) await once(sink, "drain");
    sink.end();
  } catch (error) {
    sink.destroy(error instanceof Error ? error : undefined);
    throw error;
  }
}

function directory(permissions: number, owner: Owner): FileNode {
  return { kind: "directory", permissions, owner, sizeBytes: 0 };
}

function malformedArchive(what: string, cause: unknown): UklError {
  return new UklError("UKL-230", {
    what: `${what} cannot be unpacked`,
    cause: cause instanceof Error ? cause.message : String(cause),
    fix: "make or fetch it anew",
  });
}

function tooMany(what: string): UklError {
  return new UklError("UKL-234", {
    what: `${what} is too big`,
    cause: `it has more than ${mostMembers} members`,
    fix: "make it from fewer files",
  });
}
