// SPDX-License-Identifier: MIT
/**
 * Notes (gABI chapter 5, "Note Section"): remarks for loaders and tools, such as the build-id, and the
 * manifest of an image of ours.
 *
 * They are in PT_NOTE segments, in SHT_NOTE sections, or in both; a note in both is reported once.
 */
import { NT_GNU_BUILD_ID, PT, SHT } from "./constants.js";
import { Fields } from "./fields.js";
import type { ElfLayout } from "./layout.js";
import { malformed } from "./malformed.js";

export interface Note {
  /** Who defined the type, for example "GNU" or "Xen". */
  readonly owner: string;
  readonly type: number;
  readonly description: Uint8Array;
  /** Of the note's own header in the file, in bytes. */
  readonly offset: number;
}

interface Region {
  readonly offset: number;
  readonly size: number;
  readonly align: number;
  readonly where: string;
}

const noteHeaderSize = 12;
const noteCountLimit = 1_000_000;

/** All notes by their offset in the file. Throws UKL-208. */
export function readNotes(layout: ElfLayout): readonly Note[] {
  const notes = new Map<number, Note>();
  for (const region of noteRegions(layout)) addNotes(layout, region, notes);
  return [...notes.values()].sort((a, b) => a.offset - b.offset);
}

/** The build-id in hexadecimal digits, or undefined when there is none. */
export function findBuildId(notes: readonly Note[]): string | undefined {
  const note = notes.find(({ owner, type }) => owner === "GNU" && type === NT_GNU_BUILD_ID);
  return note && asBuffer(note.description).toString("hex");
}

function noteRegions(layout: ElfLayout): readonly Region[] {
  const segments = layout.segments
    .filter(({ type }) => type === PT.NOTE)
    .map(({ offset, filesz, align }) => ({ offset, size: filesz, align, where: "PT_NOTE" }));
  const sections = layout.sections
    .filter(({ type }) => type === SHT.NOTE)
    .map(({ offset, size, addralign, name, index }) => {
      return { offset, size, align: addralign, where: `section ${name || index}` };
    });
  return [...segments, ...sections];
}

/**
 * namesz, descsz, type, then the two, each padded to 4 bytes, or to 8 where the region is aligned so.
 * A note that is known ends the walk: from there on it is a place that was read before.
 */
function addNotes(layout: ElfLayout, region: Region, notes: Map<number, Note>): void {
  const bytes = layout.bytes.subarray(region.offset, region.offset + region.size);
  const fields = new Fields(bytes, layout.path, region.where);
  const align = region.align === 8 ? 8 : 4;
  const padded = (at: number) => Math.ceil(at / align) * align;
  let at = 0;
  while (at + noteHeaderSize <= bytes.length && !notes.has(region.offset + at)) {
    if (notes.size === noteCountLimit) {
      throw malformed("UKL-208", layout.path, `it has more than ${noteCountLimit} notes`);
    }
    const [nameSize, descriptionSize, type] = [fields.u32(at), fields.u32(at + 4), fields.u32(at + 8)];
    const name = fields.slice(at + noteHeaderSize, nameSize);
    const descriptionAt = padded(at + noteHeaderSize + nameSize);
    const description = fields.slice(descriptionAt, descriptionSize);
    const offset = region.offset + at;
    notes.set(offset, { owner: ownerOf(name), type, description, offset });
    at = padded(descriptionAt + descriptionSize);
  }
}

function ownerOf(name: Uint8Array): string {
  const end = name.indexOf(0);
  return asBuffer(end < 0 ? name : name.subarray(0, end)).toString("utf8");
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
