// SPDX-License-Identifier: MIT
/** Addresses by which a boot is followed: what init and the program do is known by their entries and the code there. */
import { PF, PT } from "../elf/constants.js";
import { parseElf } from "../elf/file.js";

/** `out %al,$0xe9`: init writes to the control port (src/vm/guest-contract.ts). */
const controlWrite = Buffer.from("e6e9", "hex");
/** `mov $main,%rdi` with a 32-bit immediate. */
const moveToRdi = Buffer.from("48c7c7", "hex");
const startCodeBytes = 64;

export interface InitProgram {
  readonly entry: bigint;
  /** The first of these to be executed is the program's start. */
  readonly controlWrites: readonly bigint[];
}

/** The member /init of an image's archive, which is the first ELF file there; undefined without one. Throws UKL-20x. */
export function initProgram(archive: Uint8Array): InitProgram | undefined {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.length);
  const at = bytes.indexOf("\x7fELF", 0, "latin1");
  if (at < 0) return undefined;
  const file = parseElf(bytes.subarray(at), "/init");
  const text = file.segments.find(({ type, flags }) => type === PT.LOAD && (flags & PF.X) !== 0);
  if (text === undefined) return undefined;
  const code = Buffer.from(file.segmentBytes(text));
  return {
    entry: file.entry,
    controlWrites: placesOf(code, controlWrite).map((offset) => text.vaddr + BigInt(offset)),
  };
}

/**
 * What `_start` hands to the C library, in glibc's and musl's crt1.o for programs that are linked to an address;
 * undefined where it is not known.
 */
export function mainAddress(startCode: Uint8Array | undefined): bigint | undefined {
  const code = Buffer.from(startCode ?? []);
  const at = code.indexOf(moveToRdi);
  if (at < 0 || at + moveToRdi.length + 4 > code.length) return undefined;
  return BigInt(code.readUInt32LE(at + moveToRdi.length));
}

/** The same of the program of an image, whose manifest says where it is. */
export function mainOf(
  image: Uint8Array,
  path: string,
  program: { kind: string; entry: string },
): bigint | undefined {
  if (program.kind !== "executable") return undefined;
  return mainAddress(parseElf(image, path).bytesAt(BigInt(program.entry), startCodeBytes));
}

function placesOf(code: Buffer, pattern: Buffer): readonly number[] {
  const places: number[] = [];
  for (let at = code.indexOf(pattern); at >= 0; at = code.indexOf(pattern, at + 1)) places.push(at);
  return places;
}
