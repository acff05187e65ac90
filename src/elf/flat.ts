// SPDX-License-Identifier: MIT
/** Makes an executable of one segment out of one with many, as a loader without an ELF parser would see it. */
import { PF, PT } from "./constants.js";
import type { ElfFile } from "./file.js";
import { ET, fileHeaderBytes, programHeaderBytes, writeFileHeader } from "./write-header.js";

/** What lies at the physical addresses of `file` after loading, without the zeros at its end. */
export function flattenExecutable(file: ElfFile, alignBytes: number): Buffer {
  const loads = file.segments.filter(({ type, filesz }) => type === PT.LOAD && filesz > 0);
  const low = Math.min(...loads.map(({ paddr }) => Number(paddr)));
  const place = (paddr: bigint) => alignBytes + Number(paddr) - low;
  const sizeBytes = Math.max(...loads.map(({ paddr, filesz }) => place(paddr) + filesz));

  const flat = Buffer.alloc(sizeBytes);
  for (const segment of loads) flat.set(file.segmentBytes(segment), place(segment.paddr));
  writeFileHeader(flat, {
    type: ET.EXEC,
    entry: file.entry,
    segments: { offset: fileHeaderBytes, count: 1 },
  });
  writeLoad(flat, BigInt(low), sizeBytes - alignBytes, alignBytes);
  return flat;
}

function writeLoad(file: Buffer, paddr: bigint, sizeBytes: number, alignBytes: number): void {
  const at = fileHeaderBytes;
  file.writeUInt32LE(PT.LOAD, at);
  file.writeUInt32LE(PF.R | PF.W | PF.X, at + 4);
  file.writeBigUInt64LE(BigInt(alignBytes), at + 8);
  for (const address of [at + 16, at + 24]) file.writeBigUInt64LE(paddr, address);
  for (const size of [at + 32, at + 40]) file.writeBigUInt64LE(BigInt(sizeBytes), size);
  file.writeBigUInt64LE(BigInt(alignBytes), at + programHeaderBytes - 8);
}
