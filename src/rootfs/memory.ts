// SPDX-License-Identifier: MIT
/** The memory that an image needs to get its root file system, which the kernel unpacks from an archive at start. */
import { UklError } from "../errors.js";
import { type ArchiveEntry, pageBytes } from "./cpio.js";

const mib = 1024 ** 2;
/** Where nobody says: the image with its files, and twice as much again for what the program does. */
const copies = 3;
/** What a program without files gets. */
const ordinaryBytes = 128 * mib;
/** For the kernel and the program, beside the files. */
const besideBytes = 64 * mib;
const stepBytes = 64 * mib;

/** The kernel describes each page of 4096 bytes by 64, and has the place for as many as 2 MiB describe. */
const pagesBytes = 2 * mib;
const describedBytes = 128 * mib;
/**
 * What kernels allocate until a program of little more than a page runs, measured in steps of 64 KiB: the most of some
 * sizes of the image, with a card whose packets are as large as they can be. Of special kernels that of the smallest: who
 * has more options needs more, which is found out by starting.
 */
const allocatedBytes = { generic: 9.75 * mib, special: 2.25 * mib };
/** And for each further CPU. */
const allocatedByCpuBytes = 1.35 * mib;
/** Of that, what is allocated when a tmpfs is given half of what is left. */
const beforeTmpfsBytes = 1.4 * mib;

export interface MemoryUse {
  /** Of what is unpacked, what gets memory of its own. */
  readonly copiedBytes: number;
  /** The image in memory, with its kernel and archive. */
  readonly loadedBytes: number;
  readonly isGeneric: boolean;
  /** Those that the kernel uses. */
  readonly cpus: number;
  /** The root file system takes no more than half of the memory that is free at first. */
  readonly isTmpfs: boolean;
}

/** The memory that files get at start: the pages that are whole in the archive are theirs already (archiveMembers). */
export function copiedBytes(entries: readonly ArchiveEntry[]): number {
  const data = new Set(entries.flatMap((entry) => (entry.kind === "file" ? [entry.data] : [])));
  return [...data].filter(({ length }) => length % pageBytes > 0).length * pageBytes;
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
  const { copiedBytes, loadedBytes } = use;
  throw new UklError("UKL-235", {
    what: `${memory} of memory is too little for ${what}`,
    cause: `its image takes ${Math.ceil(loadedBytes / mib)} MiB, and what its files get beside it ${Math.ceil(copiedBytes / mib)} MiB: the least that starts is ${leastMib}M`,
    fix: `give it ${wantedBytes(loadedBytes) / mib}M with -m, or leave files out`,
  });
}

function leastBytes({ copiedBytes, loadedBytes, isGeneric, cpus, isTmpfs }: MemoryUse): number {
  const inAll = copiedBytes + allocatedBytes[isGeneric ? "generic" : "special"];
  const forTmpfs = isTmpfs ? 2 * copiedBytes + beforeTmpfsBytes : 0;
  const forCpus = (cpus - 1) * allocatedByCpuBytes;
  const used = loadedBytes + forCpus + Math.max(inAll, forTmpfs);
  return used + pagesBytes * Math.ceil(used / (describedBytes - pagesBytes));
}

function wantedBytes(rootBytes: number): number {
  const wanted = copies * rootBytes + besideBytes;
  return Math.max(ordinaryBytes, Math.ceil(wanted / stepBytes) * stepBytes);
}
