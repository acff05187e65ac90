// SPDX-License-Identifier: MIT
/**
 * Writes the kernel object without what is not needed, in place on a copy: a section gets SHF_EXCLUDE,
 * which has the linker leave it out; a side table is moved together over its dead records; in code that is
 * cut, dead pieces keep their bytes and lose their relocations.
 */
import { R_X86_64, recordSizeBytes, SHF, SHT } from "../../elf/constants.js";
import { bug } from "../../errors.js";
import { relocationsOfPiece } from "./liveness.js";
import type { KernelObject } from "./object.js";
import type { Pieces } from "./pieces.js";

interface Pruning {
  readonly object: KernelObject;
  readonly pieces: Pieces;
  readonly live: Uint8Array;
  readonly output: Buffer;
}

export function pruneObject(
  object: KernelObject,
  pieces: Pieces,
  live: Uint8Array,
  replaced: ReadonlySet<number>,
): Buffer {
  const output = Buffer.from(object.bytes);
  const pruning: Pruning = { object, pieces, live, output };
  pieces.kinds.forEach((kind, section) => {
    if (kind === "outside" || section === 0) return;
    const [from, to] = [pieces.first[section] ?? 0, pieces.first[section + 1] ?? 0];
    const alive = live.subarray(from, to).reduce((sum, bit) => sum + bit, 0);
    if (alive === to - from && alive > 0) return;
    if (alive === 0) {
      excludeSection(object, output, section);
    } else if (kind === "table") {
      compactTable(pruning, section);
    } else {
      neutralize(pruning, section);
    }
  });
  checkReferences(object, output, replaced);
  return output;
}

/** Elf64_Shdr: type at 4, flags at 8, size at 32. */
function excludeSection(object: KernelObject, output: Buffer, section: number): void {
  const at = (object.sections.header[section] ?? 0) + 8;
  output.writeUInt32LE((output.readUInt32LE(at) | SHF.EXCLUDE) >>> 0, at);
  const table = object.relocations.table[section] ?? 0;
  if (table !== 0) output.writeUInt32LE(SHT.NULL, (object.sections.header[table] ?? 0) + 4);
}

/** Records behind a dead one move up. Their relocations count from their own place, so they stay right. */
function compactTable({ object, pieces, live, output }: Pruning, section: number): void {
  const base = object.sections.offset[section] ?? 0;
  const size = object.sections.size[section] ?? 0;
  const table = object.relocations.table[section] ?? 0;
  const tableBase = object.sections.offset[table] ?? 0;
  const [from, to] = [pieces.first[section] ?? 0, pieces.first[section + 1] ?? 0];
  const recordBytes = size / (to - from);
  let [sizeBytes, kept] = [0, 0];
  for (let record = from; record < to; record++) {
    if (live[record] === 0) continue;
    const start = pieces.start[record] ?? 0;
    output.copyWithin(base + sizeBytes, base + start, base + start + recordBytes);
    const [first, end] = relocationsOfPiece(object, pieces, record);
    for (let index = first; index < end; index++, kept++) {
      const old = object.relocations.at[index] ?? 0;
      const at = tableBase + kept * recordSizeBytes.rela;
      output.set(object.bytes.subarray(old, old + recordSizeBytes.rela), at);
      output.writeBigUInt64LE(BigInt((object.relocations.offset[index] ?? 0) - start + sizeBytes), at);
    }
    sizeBytes += recordBytes;
  }
  output.writeBigUInt64LE(BigInt(sizeBytes), (object.sections.header[section] ?? 0) + 32);
  output.writeBigUInt64LE(BigInt(kept * recordSizeBytes.rela), (object.sections.header[table] ?? 0) + 32);
}

function neutralize({ object, pieces, live, output }: Pruning, section: number): void {
  for (let piece = pieces.first[section] ?? 0; piece < (pieces.first[section + 1] ?? 0); piece++) {
    if (live[piece] === 1) continue;
    const [first, end] = relocationsOfPiece(object, pieces, piece);
    for (let index = first; index < end; index++) {
      const at = object.relocations.at[index] ?? 0;
      output.fill(0, at + 8, at + recordSizeBytes.rela);
      output.writeUInt32LE(R_X86_64.NONE, at + 8);
    }
  }
}

/** What stays must not refer to what goes. The marking ensures it; here the result is looked at again. */
function checkReferences(object: KernelObject, output: Buffer, replaced: ReadonlySet<number>): void {
  const { sections, symbols, kinds, relocations } = object;
  const isExcluded = (section: number) =>
    (output.readUInt32LE((object.sections.header[section] ?? 0) + 8) & SHF.EXCLUDE) !== 0;
  const excluded = kinds.map((_, section) => isExcluded(section));
  relocations.table.forEach((table, section) => {
    if (table === 0 || excluded[section] || kinds[section] === "outside") return;
    const begin = sections.offset[table] ?? 0;
    const end = begin + output.readUInt32LE((object.sections.header[table] ?? 0) + 32);
    for (let at = begin; at < end; at += recordSizeBytes.rela) {
      const symbol = output.readUInt32LE(at + 12);
      const target = symbols.section[symbol] ?? 0;
      if (target <= 0 || !excluded[target] || replaced.has(symbol)) continue;
      const names = [section, target].map(sections.nameOf);
      throw bug(
        "the kernel would lose what it needs",
        `${names[0]} refers to ${names[1]}, which is left out`,
      );
    }
  });
}
