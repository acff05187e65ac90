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
  readonly bytes: Uint8Array;
  readonly align: number;
  readonly where: string;
}

const noteHeaderSize = 12;
const noteCountLimit = 1_000_000;
const shareLimit = 4;

/** All notes by their offset in the file. What is damaged is told and passed over, of object files too. */
export function readNotes(layout: ElfLayout, tell: (problem: string) => void): readonly Note[] {
  const notes = new Map<number, Note>();
  // Regions that overlap can name the same bytes as often as there are headers.
  let bytesLeft = layout.bytes.length * shareLimit;
  for (const region of noteRegions(layout)) {
    bytesLeft -= region.bytes.length;
    if (bytesLeft < 0) break;
    for (const note of notesOf(region, layout.path, tell)) {
      if (notes.size < noteCountLimit && !notes.has(note.offset)) notes.set(note.offset, note);
    }
  }
  return [...notes.values()].sort((a, b) => a.offset - b.offset);
}

/** The build-id in hexadecimal digits, or undefined when there is none. */
export function findBuildId(notes: readonly Note[]): string | undefined {
  const note = notes.find(({ owner, type }) => owner === "GNU" && type === NT_GNU_BUILD_ID);
  return note && asBuffer(note.description).toString("hex");
}

/** Sections say more: one PT_NOTE can hold several, each padded in its own way. */
function noteRegions(layout: ElfLayout): readonly Region[] {
  const region = (offset: number, size: number, align: number, where: string) => {
    return { offset, bytes: layout.bytes.subarray(offset, offset + size), align, where };
  };
  const sections = layout.sections
    .filter(({ type }) => type === SHT.NOTE)
    .map(({ offset, size, addralign, name, index }) =>
      region(offset, size, addralign, `section ${name || index}`),
    );
  const hasSections = (start: number, end: number) =>
    sections.some(({ offset, bytes }) => offset >= start && offset + bytes.length <= end);
  const segments = layout.segments
    .filter(({ type }) => type === PT.NOTE)
    .filter(({ offset, filesz }) => !hasSections(offset, offset + filesz))
    .map(({ offset, filesz, align }) => region(offset, filesz, align, "PT_NOTE"));
  return [...segments, ...sections];
}

interface Walk {
  readonly notes: readonly Note[];
  /** Why it ended too early. */
  readonly problem: string | undefined;
}

/**
 * A region has the alignment of its most aligned part: linkers put notes that are padded to 4 bytes into a PT_NOTE
 * aligned to 8. So the other padding counts where it leads further.
 */
function notesOf(region: Region, path: string, tell: (problem: string) => void): readonly Note[] {
  const paddings = region.align === 8 ? [8, 4] : [4];
  const walks = paddings.map((padding) => walk(region, path, padding));
  const whole = walks.find(({ problem }) => problem === undefined);
  if (whole !== undefined) return whole.notes;
  const [furthest] = walks.toSorted((a, b) => b.notes.length - a.notes.length);
  tell(`the notes of ${region.where} are not used from one on: ${furthest?.problem}`);
  return furthest?.notes ?? [];
}

/** namesz, descsz, type, then the two, each padded. */
function walk({ offset, bytes, where }: Region, path: string, padding: number): Walk {
  const fields = new Fields(bytes, path, where);
  const padded = (at: number) => Math.ceil(at / padding) * padding;
  const notes: Note[] = [];
  let at = 0;
  while (at + noteHeaderSize <= bytes.length && notes.length < noteCountLimit) {
    const [nameSize, descriptionSize, type] = [fields.u32(at), fields.u32(at + 4), fields.u32(at + 8)];
    const descriptionAt = padded(at + noteHeaderSize + nameSize);
    const end = descriptionAt + descriptionSize;
    if (end > bytes.length) {
      return { notes, problem: `a note at offset ${at} of ${bytes.length} bytes ends at ${end}` };
    }
    const owner = ownerOf(fields.slice(at + noteHeaderSize, nameSize));
    const description = fields.slice(descriptionAt, descriptionSize);
    notes.push({ owner, type, description, offset: offset + at });
    at = padded(end);
  }
  return { notes, problem: undefined };
}

function ownerOf(name: Uint8Array): string {
  const end = name.indexOf(0);
  return asBuffer(end < 0 ? name : name.subarray(0, end)).toString("utf8");
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
