// SPDX-License-Identifier: MIT
/** Writes the file header of what this project makes itself. Format: System V gABI, chapter 4. */

/** Object file types (`e_type`). */
export const ET = { REL: 1, EXEC: 2 } as const;

export const fileHeaderBytes = 64;
export const programHeaderBytes = 56;
export const sectionHeaderBytes = 64;

interface Table {
  readonly offset: number;
  readonly count: number;
}

export interface FileHeader {
  readonly type: (typeof ET)[keyof typeof ET];
  readonly entry: bigint;
  readonly segments?: Table;
  /** The last of them holds the names. */
  readonly sections?: Table;
}

/** Fills in the first 64 bytes of `file`: ELF64, little-endian, x86-64. */
export function writeFileHeader(file: Buffer, { type, entry, segments, sections }: FileHeader): void {
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file);
  file.writeUInt16LE(type, 16);
  file.writeUInt16LE(62, 18); // EM_X86_64
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(entry, 24);
  file.writeBigUInt64LE(BigInt(segments?.offset ?? 0), 32);
  file.writeBigUInt64LE(BigInt(sections?.offset ?? 0), 40);
  file.writeUInt16LE(fileHeaderBytes, 52);
  file.writeUInt16LE(programHeaderBytes, 54);
  file.writeUInt16LE(segments?.count ?? 0, 56);
  file.writeUInt16LE(sectionHeaderBytes, 58);
  file.writeUInt16LE(sections?.count ?? 0, 60);
  file.writeUInt16LE(sections === undefined ? 0 : sections.count - 1, 62);
}
