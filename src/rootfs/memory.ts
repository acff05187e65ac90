// SPDX-License-Identifier: MIT
/** The memory that an image needs to get its root file system, which the kernel unpacks from an archive at start. */
import { UklError } from "../errors.js";

const mib = 1024 ** 2;
/** Where nobody says: the archive, the files, and as much again. */
const copies = 3;
/** What a program without files gets. */
const ordinaryBytes = 128 * mib;
/** For the kernel and the program, beside the files. */
const besideBytes = 64 * mib;
const stepBytes = 64 * mib;

/** The kernel describes each page of 4096 bytes by 64. */
const forPages = 64 / 63;
/**
 * What kernels allocate until a program of little more than a page runs, measured in steps of 64 KiB. Of special ones
 * the smallest: who has more options needs more, which is found out by starting.
 */
const allocatedBytes = { generic: 4.4 * mib, special: 2.25 * mib };
/** Of that, what is allocated when a tmpfs is given half of what is left. */
const beforeTmpfsBytes = 1.35 * mib;

export interface MemoryUse {
  /** All that is unpacked. */
  readonly rootBytes: number;
  /** The image in memory, with its kernel and archive. */
  readonly loadedBytes: number;
  readonly isGeneric: boolean;
  /** The root file system takes no more than half of the memory that is free at first. */
  readonly isTmpfs: boolean;
}

/** What the machine of an image gets where nobody says. */
export function memoryFor(rootBytes: number): string {
  return `${wantedBytes(rootBytes) / mib}M`;
}

/** Throws UKL-235 where the files do not fit. */
export function checkMemory(use: MemoryUse, memory: string, what: string): void {
  const bytes = Number(memory.slice(0, -1)) * (memory.endsWith("G") ? 1024 : 1) * mib;
  const leastMib = Math.ceil(leastBytes(use) / mib);
  if (bytes >= leastMib * mib) return;
  const { rootBytes, loadedBytes } = use;
  throw new UklError("UKL-235", {
    what: `${memory} of memory is too little for ${what}`,
    cause: `its image takes ${Math.ceil(loadedBytes / mib)} MiB, and its files are ${Math.ceil(rootBytes / mib)} MiB once they are unpacked: the least that starts is ${leastMib}M`,
    fix: `give it ${wantedBytes(rootBytes) / mib}M with -m, or leave files out`,
  });
}

function leastBytes({ rootBytes, loadedBytes, isGeneric, isTmpfs }: MemoryUse): number {
  const inAll = rootBytes + allocatedBytes[isGeneric ? "generic" : "special"];
  const forTmpfs = isTmpfs ? 2 * rootBytes + beforeTmpfsBytes : 0;
  return (loadedBytes + Math.max(inAll, forTmpfs)) * forPages;
}

function wantedBytes(rootBytes: number): number {
  const wanted = copies * rootBytes + besideBytes;
  return Math.max(ordinaryBytes, Math.ceil(wanted / stepBytes) * stepBytes);
}
