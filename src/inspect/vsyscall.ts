// SPDX-License-Identifier: MIT
/**
 * The vsyscall page: gettimeofday, time and getcpu at fixed addresses of the kernel's half, which old C libraries call
 * (arch/x86/include/uapi/asm/vsyscall.h). Whoever calls them has the address in its code, or in a table.
 */
import { PF, PT } from "../elf/constants.js";
import type { ElfFile } from "../elf/file.js";
import type { Constituents } from "./closure.js";
import type { Inspection } from "./schema.js";

type Feature = Inspection["features"][number];

/** VSYSCALL_ADDR, and the distance of its functions. */
const page = 0xffffffffff600000n;
const functions = [0n, 0x400n, 0x800n];
/** An instruction's operand that is extended by its sign. */
const shortBytes = 4;

export function vsyscallFeature({ objects }: Pick<Constituents, "objects">): readonly Feature[] {
  for (const { name, file } of objects) {
    const at = addressIn(file);
    if (at !== undefined) return [{ name: "vsyscall page", evidence: `${name} at 0x${at.toString(16)}` }];
  }
  return [];
}

/** Where the file has an address of the page: as an operand in code, or as a whole word. */
function addressIn(file: ElfFile): bigint | undefined {
  for (const segment of file.segments) {
    if (segment.type !== PT.LOAD) continue;
    const { flags, vaddr } = segment;
    const view = file.segmentBytes(segment);
    const bytes = Buffer.from(view.buffer, view.byteOffset, view.length);
    for (const address of functions) {
      const word = Buffer.alloc(8);
      word.writeBigUInt64LE(page + address);
      const wanted = (flags & PF.X) === 0 ? word : word.subarray(0, shortBytes);
      const at = bytes.indexOf(wanted);
      if (at >= 0) return vaddr + BigInt(at);
    }
  }
  return undefined;
}
