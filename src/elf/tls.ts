// SPDX-License-Identifier: MIT
/**
 * The TLS segment and its place below the thread pointer: TLS variant II of the x86-64 psABI, as in
 * U. Drepper, "ELF Handling For Thread-Local Storage", sections 3.4.2 and 3.4.6.
 *
 * A variable is at thread pointer + (its address - the PT_TLS p_vaddr) - tpOffset. The linker has put that
 * constant into local-exec code already, so whoever builds the TLS block must use exactly the same one.
 */
import { PT } from "./constants.js";
import { malformed } from "./malformed.js";
import { isPowerOfTwo, type Segment } from "./segments.js";

export interface TlsSegment {
  readonly vaddr: bigint;
  /** Offset of the initialisation image in the file, in bytes. */
  readonly offset: number;
  /** Size of the initialisation image, in bytes. */
  readonly filesz: number;
  /** Size of the block of a thread, in bytes; what is beyond filesz is zero. */
  readonly memsz: number;
  /** A power of two; 1 for none. */
  readonly align: number;
  /** Distance in bytes from the start of the block up to the thread pointer. */
  readonly tpOffset: number;
}

/** The TLS segment, or undefined when there is none. Of several, C libraries take the last. Throws UKL-209. */
export function readTls(segments: readonly Segment[], path: string): TlsSegment | undefined {
  const segment = segments.findLast(({ type, memsz }) => type === PT.TLS && memsz > 0);
  if (segment === undefined) return undefined;
  const { vaddr, offset, filesz, memsz } = segment;
  const align = Math.max(segment.align, 1);
  if (!isPowerOfTwo(align)) {
    throw malformed("UKL-209", path, `its p_align is ${align}, which is not a power of two`);
  }
  if (filesz > memsz) {
    throw malformed("UKL-209", path, `its p_filesz ${filesz} is above its p_memsz ${memsz}`);
  }
  if (filesz > 0 && !segments.some((load) => load.type === PT.LOAD && backs(load, segment))) {
    throw malformed("UKL-209", path, "its initialisation image is not at the address of a PT_LOAD");
  }
  const tpOffset = tpOffsetOf(vaddr, memsz, align);
  if (!Number.isSafeInteger(tpOffset)) {
    throw malformed("UKL-209", path, `its p_memsz is ${memsz} and its p_align is ${align}`);
  }
  return { vaddr, offset, filesz, memsz, align, tpOffset };
}

/**
 * The smallest distance of at least memsz that makes the start of the block congruent to p_vaddr modulo
 * p_align, below a thread pointer that is itself aligned. For an aligned p_vaddr: memsz rounded up.
 */
function tpOffsetOf(vaddr: bigint, memsz: number, align: number): number {
  const modulus = BigInt(align);
  const past = (vaddr + BigInt(memsz)) % modulus;
  return memsz + Number((modulus - past) % modulus);
}

/** C libraries find the image by its address. */
function backs(load: Segment, tls: Segment): boolean {
  return tls.vaddr >= load.vaddr && tls.vaddr + BigInt(tls.filesz) <= load.vaddr + BigInt(load.memsz);
}
