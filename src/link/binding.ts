// SPDX-License-Identifier: MIT
/** Turns system call sites of a file into calls, in a copy, and checks that nothing else became another. */
import type { ElfFile } from "../elf/file.js";
import { bug } from "../errors.js";

/** Code of a file that becomes a call, by its addresses. */
export interface SiteToBind {
  readonly at: number;
  readonly sizeBytes: number;
  /** What of it comes in front of the call. */
  readonly keptAt: number;
  readonly keptBytes: number;
  readonly number?: number | undefined;
  readonly wordAt?: number | undefined;
}

/** The address of the word that a site calls through, by where the number of its system call is. */
export type SlotOf = (site: Pick<SiteToBind, "number" | "wordAt">) => bigint;

const callBytes = 7;
/** The recommended forms of NOP by length (SDM volume 2, NOP). */
const nops = [
  [],
  [0x90],
  [0x66, 0x90],
  [0x0f, 0x1f, 0x00],
  [0x0f, 0x1f, 0x40, 0x00],
  [0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
  [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
];

/** The bytes of the file with its sites bound. Throws UKL-901 where they are not what the analysis saw. */
export function bindSites(file: ElfFile, sites: readonly SiteToBind[], slotOf: SlotOf): Uint8Array {
  const bound = Uint8Array.from(file.bytes);
  for (const site of sites) {
    const offset = offsetOf(file, site.at, site.sizeBytes);
    const original = file.bytes.subarray(offset, offset + site.sizeBytes);
    if (!hasSyscall(original, site)) throw bug(`no system call is at 0x${site.at.toString(16)}`, file.path);
    bound.set(boundCode(original, site, slotOf(site)), offset);
  }
  return bound;
}

/** Throws UKL-901 unless `bound` is `file` with these sites bound, each as it should be, and nothing else changed. */
export function verifyBinding(
  file: ElfFile,
  bound: Uint8Array,
  sites: readonly SiteToBind[],
  slotOf: SlotOf,
): void {
  const expected = Uint8Array.from(file.bytes);
  for (const site of sites) {
    const offset = offsetOf(file, site.at, site.sizeBytes);
    const code = bound.subarray(offset, offset + site.sizeBytes);
    const target = slotOf(site);
    if (!isBoundCode(code, expected.subarray(offset, offset + site.sizeBytes), site, target)) {
      throw bug(`the site at 0x${site.at.toString(16)} is not bound as planned`, file.path);
    }
    expected.set(code, offset);
  }
  const at =
    bound.length === expected.length ? bound.findIndex((byte, index) => byte !== expected[index]) : 0;
  if (at >= 0) throw bug(`binding changed the byte at offset ${at}, which belongs to no site`, file.path);
}

function boundCode(
  original: Uint8Array,
  { at, keptAt, keptBytes }: SiteToBind,
  slot: bigint,
): readonly number[] {
  const kept = original.subarray(keptAt - at, keptAt - at + keptBytes);
  const call = Buffer.from([0xff, 0x14, 0x25, 0, 0, 0, 0]);
  call.writeInt32LE(Number(BigInt.asIntN(32, slot)), 3);
  return [...kept, ...call, ...(nops[original.length - keptBytes - callBytes] ?? [])];
}

/** Read from the bytes as a processor does, not made again: kept code, the call, and what does nothing. */
function isBoundCode(code: Uint8Array, original: Uint8Array, site: SiteToBind, slot: bigint): boolean {
  const { at, keptAt, keptBytes } = site;
  const kept = original.subarray(keptAt - at, keptAt - at + keptBytes);
  if (!Buffer.from(code.subarray(0, keptBytes)).equals(kept)) return false;
  const rest = Buffer.from(code.subarray(keptBytes));
  if (rest.length < callBytes || rest.readUIntBE(0, 3) !== 0xff1425) return false;
  if (BigInt.asUintN(64, BigInt(rest.readInt32LE(3))) !== slot) return false;
  const padding = rest.subarray(callBytes);
  return nops.some((nop) => padding.equals(Buffer.from(nop)));
}

/** SYSCALL follows what is kept. */
function hasSyscall(original: Uint8Array, { at, keptAt, keptBytes }: SiteToBind): boolean {
  const offset = keptAt - at + keptBytes;
  return original[offset] === 0x0f && original[offset + 1] === 0x05;
}

function offsetOf({ loads, path }: ElfFile, at: number, sizeBytes: number): number {
  for (const { vaddr, offset, filesz } of loads) {
    const inside = at - Number(vaddr);
    if (inside >= 0 && inside + sizeBytes <= filesz) return Number(offset) + inside;
  }
  throw bug(`the site at 0x${at.toString(16)} is in no segment`, path);
}
