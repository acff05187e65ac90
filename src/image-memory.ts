// SPDX-License-Identifier: MIT
/** Whether an image fits into the memory that its machine gets. */
import { PT } from "./elf/constants.js";
import type { Segment } from "./elf/segments.js";
import type { Manifest } from "./manifest.js";
import { checkMemory } from "./rootfs/memory.js";
import { hasOption } from "./specialise/lacking.js";

/** How much memory an image is loaded into. */
export function loadedBytes(segments: readonly Segment[]): number {
  const loads = segments.filter(({ type }) => type === PT.LOAD);
  if (loads.length === 0) return 0;
  const start = Math.min(...loads.map(({ paddr }) => Number(paddr)));
  return Math.max(...loads.map(({ paddr, memsz }) => Number(paddr) + memsz)) - start;
}

interface MemoryQuestion {
  readonly memory: string;
  readonly cpus: number;
  /** Of files that an initrd brings. */
  readonly addedBytes?: number;
  readonly what: string;
}

/** Throws UKL-235. */
export function checkImageMemory(
  { kernel, rootBytes = 0, copiedBytes = rootBytes }: Pick<Manifest, "kernel" | "rootBytes" | "copiedBytes">,
  loaded: number,
  { memory, cpus, addedBytes = 0, what }: MemoryQuestion,
): void {
  const isGeneric = kernel.base !== "special";
  const use = {
    ...{ copiedBytes: copiedBytes + addedBytes, loadedBytes: loaded + addedBytes, isGeneric },
    cpus: hasOption(kernel, "CONFIG_SMP") ? cpus : 1,
    isTmpfs: hasOption(kernel, "CONFIG_TMPFS"),
  };
  checkMemory(use, memory, what);
}
