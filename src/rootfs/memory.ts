// SPDX-License-Identifier: MIT
/** The memory that an image needs to get its root file system, which the kernel unpacks from an archive at start. */
import { UklError } from "../errors.js";

const mib = 1024 ** 2;
/** The archive, and twice the files: a tmpfs takes no more than half of what is left beside the image. */
const copies = 3;
/** What a program without files gets. */
const ordinaryBytes = 128 * mib;
/** For the kernel and the program, beside the files. */
const besideBytes = 64 * mib;
const stepBytes = 64 * mib;

/** The configured size if that suffices, otherwise one that does. Throws UKL-235. */
export function memoryFor(rootBytes: number, configured: string | undefined, what: string): string {
  if (configured !== undefined) {
    checkMemory(rootBytes, configured, what);
    return configured;
  }
  return `${wantedBytes(rootBytes) / mib}M`;
}

/** Throws UKL-235 where the files do not fit for sure. */
export function checkMemory(rootBytes: number, memory: string, what: string): void {
  const bytes = Number(memory.slice(0, -1)) * (memory.endsWith("G") ? 1024 : 1) * mib;
  if (bytes >= copies * rootBytes) return;
  throw new UklError("UKL-235", {
    what: `${memory} of memory is too little for ${what}`,
    cause: `its files are ${Math.ceil(rootBytes / mib)} MiB, and to unpack them takes three times as much`,
    fix: `give it ${wantedBytes(rootBytes) / mib}M with -m, or leave files out`,
  });
}

function wantedBytes(rootBytes: number): number {
  const wanted = copies * rootBytes + besideBytes;
  return Math.max(ordinaryBytes, Math.ceil(wanted / stepBytes) * stepBytes);
}
