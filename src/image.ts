// SPDX-License-Identifier: MIT
/** Reads a finished image back. */
import { type ElfFile, parseElf } from "./elf/file.js";
import { identifyInput } from "./elf/identify.js";
import { parseLoaderView } from "./elf/loader-view.js";
import type { Segment } from "./elf/segments.js";
import { UklError } from "./errors.js";
import { readInput, readPartly, readStart } from "./host/files.js";
import { parseJson } from "./json.js";
import { type Manifest, manifestNote, manifestSchema } from "./manifest.js";

export interface Image {
  readonly manifest: Manifest;
  readonly segments: readonly Segment[];
  /** By which a machine starts it. */
  readonly hasEntryNote: boolean;
}

/** XEN_ELFNOTE_PHYS32_ENTRY of PVH (xen/include/public/elfnote.h). */
const entryNote = { owner: "Xen", type: 18 };

/** The manifest of an image; undefined for an ELF file that is none of ours. Throws UKL-201 to 208, UKL-504. */
export async function readManifest(path: string): Promise<Manifest | undefined> {
  return (await readImage(path))?.manifest;
}

/** The same, with the segments that are loaded. */
export async function readImage(path: string): Promise<Image | undefined> {
  return readPartly(path, (file) => findManifest(parseLoaderView(file, path)));
}

/** The same of a file that may be anything or missing, which is for others to say. */
export async function findImage(path: string): Promise<Image | undefined> {
  const start = await readStart(path, 4);
  return identifyInput(start) === "elf" ? readImage(path) : undefined;
}

function findManifest({ notes, segments, path }: ElfFile): Image | undefined {
  const note = notes.find(({ owner, type }) => owner === manifestNote.name && type === manifestNote.type);
  if (note === undefined) return undefined;
  const manifest = manifestSchema.safeParse(parseJson(Buffer.from(note.description).toString()));
  const hasEntryNote = notes.some(({ owner, type }) => owner === entryNote.owner && type === entryNote.type);
  if (manifest.success) return { manifest: manifest.data, segments, hasEntryNote };
  throw new UklError("UKL-504", {
    what: `the manifest of ${path} is malformed`,
    cause: manifest.error.issues[0]?.message ?? "it is not JSON",
    fix: "build the image again with this version of ukl",
  });
}

/**
 * The root file system of an image as an archive that any kernel unpacks: its sections in the order in which they are
 * loaded (linker-scripts/application.lds). Throws UKL-201 to 208.
 */
export async function readArchive(path: string): Promise<Buffer> {
  const image = parseElf(await readInput(path), path);
  const parts = image.sections.filter(({ name }) => /^\.ukl\.(?:head|load\.\d+|tail)$/.test(name));
  return Buffer.concat(parts.map((part) => image.sectionBytes(part)));
}
