// SPDX-License-Identifier: MIT
/** Opens what a link line names: objects, archives, and the linker scripts that some libraries are. */
import { basename, dirname, resolve } from "node:path";
import { type Archive, readArchive } from "../../elf/archive.js";
import { identifyInput } from "../../elf/identify.js";
import { readInput, unreadable } from "../../host/files.js";
import { identify } from "../loaded-object.js";
import type { LinkInput } from "./link-line.js";
import { openUnit, type Unit } from "./unit.js";

export type OpenInput =
  | { readonly kind: "object"; readonly unit: Unit }
  | { readonly kind: "archive"; readonly archive: Archive; readonly sizeBytes: number }
  | { readonly kind: "group"; readonly inputs: readonly OpenInput[] };

export interface OpenInputs {
  readonly inputs: readonly OpenInput[];
  /** Files of libraries that are nowhere. */
  readonly missing: readonly string[];
}

/** Throws UKL-201 to UKL-211. */
export async function openInputs(
  inputs: readonly LinkInput[],
  directories: readonly string[],
): Promise<OpenInputs> {
  const missing: string[] = [];
  /** By path. A library that is named twice is one, and a script that names itself adds nothing. */
  const known = new Map<string, readonly OpenInput[]>();
  const openAll = async (list: readonly LinkInput[]): Promise<OpenInput[]> => {
    const opened: OpenInput[] = [];
    for (const input of list) opened.push(...(await openOne(input)));
    return opened;
  };
  const openOne = async (input: LinkInput): Promise<readonly OpenInput[]> => {
    if (input.kind === "group") return [{ kind: "group", inputs: await openAll(input.inputs) }];
    const path = find(input, directories);
    if (path === undefined) {
      missing.push(fileName(input));
      return [];
    }
    const opened = known.get(path) ?? (await openFile(path));
    known.set(path, opened);
    return opened;
  };
  const openFile = async (path: string): Promise<readonly OpenInput[]> => {
    const bytes = await readInput(path);
    const kind = identifyInput(bytes);
    if (kind === "archive") return [await openArchive(bytes, path)];
    if (kind !== "text") return [openObject(bytes, path)];
    known.set(path, []);
    return openAll(readScript(bytes.toString("utf8"), dirname(path)));
  };
  return { inputs: await openAll(inputs), missing };
}

export function openObject(bytes: Uint8Array, path: string): OpenInput {
  return { kind: "object", unit: openUnit(bytes, path, basename(path)) };
}

/** The members of a thin archive are files of their own. Throws UKL-201, UKL-211. */
export async function openArchive(bytes: Uint8Array, path: string): Promise<OpenInput> {
  const archive = readArchive(bytes, path);
  if (!archive.isThin) return { kind: "archive", archive, sizeBytes: bytes.length };
  const files = new Map<number, Uint8Array>();
  for (const { name, offset } of archive.members) {
    files.set(offset, await readMember(resolve(dirname(path), name)));
  }
  const filled = <M extends { readonly offset: number; readonly bytes: Uint8Array }>(member: M): M => ({
    ...member,
    bytes: files.get(member.offset) ?? member.bytes,
  });
  return {
    kind: "archive",
    archive: {
      ...archive,
      members: archive.members.map(filled),
      symbols: archive.symbols.map(({ name, member }) => ({ name, member: filled(member) })),
    },
    sizeBytes: bytes.length,
  };
}

async function readMember(path: string): Promise<Uint8Array> {
  if (identify(path)?.isFile !== true) throw unreadable(path, new Error("it is no regular file"));
  return readInput(path);
}

function find(input: LinkInput & { kind: "file" | "library" }, directories: readonly string[]) {
  const candidates =
    input.kind === "file"
      ? [input.path]
      : directories.map((directory) => resolve(directory, fileName(input)));
  return candidates.find((path) => identify(path)?.isFile);
}

/** `-l:NAME` is a file by its own name. */
function fileName(input: LinkInput & { kind: "file" | "library" }): string {
  if (input.kind === "file") return input.path;
  return input.name.startsWith(":") ? input.name.slice(1) : `lib${input.name}.a`;
}

/** The commands INPUT and GROUP, of which glibc's libm.a is made, with AS_NEEDED in them. */
function readScript(text: string, directory: string): readonly LinkInput[] {
  const commands = text
    .replaceAll(/\/\*.*?\*\//gs, " ")
    .matchAll(/\b(?:INPUT|GROUP)\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)/g);
  return [...commands].map(([, list = ""]) => {
    const words = list.match(/[^\s(),]+/g) ?? [];
    return {
      kind: "group",
      inputs: words
        .filter((word) => word !== "AS_NEEDED")
        .map((word) =>
          word.startsWith("-l")
            ? { kind: "library", name: word.slice(2) }
            : { kind: "file", path: resolve(directory, word) },
        ),
    };
  });
}
