// SPDX-License-Identifier: MIT
/**
 * Reads a finished image again and compares it with what was asked. The linker was trusted with nothing
 * that can be checked.
 */
import { PF, PT } from "../elf/constants.js";
import { type ElfFile, parseElf } from "../elf/file.js";
import { UklError } from "../errors.js";
import { manifestNote } from "../manifest.js";
import { symbolAddresses } from "./image.js";
import type { Payload } from "./payload.js";

export interface Promised {
  readonly payload: Payload;
  readonly application: ElfFile;
  readonly manifest: string;
  readonly kernelSymbols: ReadonlyMap<string, bigint>;
}

/** XEN_ELFNOTE_PHYS32_ENTRY of Xen's public/elfnote.h: the address a PVH loader starts at. */
const pvhEntryNote = { owner: "Xen", type: 18 };

/** Throws UKL-502 naming the first thing that is not as promised. */
export function verifyImage(bytes: Uint8Array, path: string, promised: Promised): void {
  const image = parseElf(bytes, path);
  check(image.kind === "executable", "it is not an executable file");
  check(
    image.notes.some((note) => note.owner === pvhEntryNote.owner && note.type === pvhEntryNote.type),
    "it has no PVH entry note",
  );
  verifyManifest(image, promised.manifest);
  verifySegments(image, promised);
  verifySymbols(image, promised.kernelSymbols);
}

function verifyManifest(image: ElfFile, manifest: string): void {
  const notes = image.notes.filter(
    (note) => note.owner === manifestNote.name && note.type === manifestNote.type,
  );
  check(notes.length === 1, `it has ${notes.length} manifest notes`);
  check(Buffer.from(notes[0]?.description ?? []).toString() === manifest, "its manifest is another one");
}

/** Every segment of the application is there at its address, byte for byte, and none is writable code. */
function verifySegments(image: ElfFile, { payload, application }: Promised): void {
  const loads = image.segments.filter((segment) => segment.type === PT.LOAD);
  const applicationLoads = application.segments.filter((segment) => segment.type === PT.LOAD);
  let expectedPaddr: bigint | undefined;
  for (const placed of payload.segments) {
    const name = `the application's segment at 0x${placed.vaddr.toString(16)}`;
    const segment = loads.find((load) => load.vaddr === placed.vaddr);
    check(segment !== undefined, `${name} is missing`);
    check(segment.flags === placed.flags, `${name} has other permissions`);
    check((segment.flags & (PF.W | PF.X)) !== (PF.W | PF.X), `${name} is both writable and executable`);
    check(
      segment.filesz === placed.sizeBytes && segment.memsz === placed.sizeBytes,
      `${name} has another size`,
    );
    const asLinked = applicationLoads.find((load) => load.offset === placed.fileOffset);
    check(asLinked !== undefined, `${name} is none of the application's`);
    const original = application.segmentBytes(asLinked);
    const copied = image.segmentBytes(segment).subarray(0, original.length);
    // The ELF header lost its reference to the section headers, which are not in the image.
    const from = placed.fileOffset === 0 ? 64 : 0;
    check(Buffer.compare(copied.subarray(from), original.subarray(from)) === 0, `${name} has other bytes`);
    check(
      expectedPaddr === undefined || segment.paddr === expectedPaddr,
      `${name} leaves a gap in the archive`,
    );
    expectedPaddr = segment.paddr + BigInt(segment.filesz);
  }
  const tls = application.tls;
  if (tls === undefined) return;
  const inside = applicationLoads.some(
    (load) => tls.vaddr >= load.vaddr && tls.vaddr + BigInt(tls.filesz) <= load.vaddr + BigInt(load.filesz),
  );
  check(inside || tls.filesz === 0, "the TLS initialisation image is outside the application's segments");
}

/** The application was linked against these addresses before the image was. */
function verifySymbols(image: ElfFile, kernelSymbols: ReadonlyMap<string, bigint>): void {
  if (kernelSymbols.size === 0) return;
  const found = symbolAddresses(image, [...kernelSymbols.keys()]);
  for (const [name, address] of kernelSymbols) {
    check(found.get(name) === address, `the kernel symbol ${name} is not where the application expects it`);
  }
}

function check(condition: boolean, cause: string): asserts condition {
  if (condition) return;
  throw new UklError("UKL-502", {
    what: "the image is not what was asked for, and was not written",
    cause,
    fix: "please report this with the command line and, if you can, the input files",
  });
}
