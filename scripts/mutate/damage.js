// SPDX-License-Identifier: MIT
/**
 * Damages ELF files where it hurts: flips bits, cuts the end off, and puts values that are just wrong, or parts of
 * another file, into headers, the dynamic section, relocations and the tables that the analysis follows.
 *
 * @typedef {(below: number) => number} Random
 * @typedef {{ readonly start: number, readonly entryBytes: number, readonly count: number }} Table
 * @typedef {{ readonly bytes: Uint8Array, readonly tables: readonly Table[] }} Base
 */

const SHT_NOBITS = 8;
/** Bytes of an entry, by sh_type: symbols, RELA, dynamic, REL, initialisers, dynamic symbols, RELR, versions. */
const entryBytesOfType = new Map([
  [2, 24],
  [4, 24],
  [6, 16],
  [9, 16],
  [14, 8],
  [15, 8],
  [16, 8],
  [11, 24],
  [19, 8],
  [0x6fffffff, 2],
]);
const headers = { elf: 64, program: 56, section: 64 };

/**
 * What there is to damage in a file, as a reader finds it.
 *
 * @param {import("../../src/elf/file.js").ElfFile} file
 * @returns {Base}
 */
export function openBase(file) {
  const view = new DataView(file.bytes.buffer, file.bytes.byteOffset, file.bytes.length);
  const tableAt = (field, entryBytes, count) => ({
    start: Number(view.getBigUint64(field, true)),
    entryBytes,
    count,
  });
  const contents = file.sections
    .filter(({ type, size }) => size > 0 && type !== SHT_NOBITS)
    .map(({ type, offset, size }) => {
      const entryBytes = entryBytesOfType.get(type) ?? 4;
      return { start: offset, entryBytes, count: Math.floor(size / entryBytes) };
    });
  const tables = [
    { start: 0, entryBytes: headers.elf, count: 1 },
    tableAt(32, headers.program, file.segments.length),
    tableAt(40, headers.section, file.sections.length),
    ...contents,
  ];
  return { bytes: file.bytes, tables: tables.filter(({ count }) => count > 0) };
}

/**
 * A damaged copy of `base`. Parts of `donor` may get into it.
 *
 * @param {Base} base
 * @param {Base} donor
 * @param {Random} random
 * @returns {Buffer}
 */
export function damage(base, donor, random) {
  const bytes = Buffer.from(base.bytes);
  if (random(8) === 0) return flipBits(bytes.subarray(0, random(bytes.length)), random);
  const rounds = 1 + random(4);
  for (let round = 0; round < rounds; round++) {
    const kind = random(6);
    if (kind === 0) flipBits(bytes, random);
    else if (kind === 1) spliceEntries(bytes, base, donor, random);
    else setField(bytes, pick(base.tables, random), random);
  }
  return bytes;
}

/** A few anywhere, or where the headers are. */
function flipBits(bytes, random) {
  const end = random(2) === 0 ? Math.min(bytes.length, 4096) : bytes.length;
  for (let flip = random(8); flip >= 0 && end > 0; flip--) bytes[random(end)] ^= 1 << random(8);
  return bytes;
}

/** Puts entries of a table of either file over those of the same size in this one. */
function spliceEntries(bytes, base, donor, random) {
  const to = pick(base.tables, random);
  const source = random(2) === 0 ? base : donor;
  const alike = source.tables.filter(({ entryBytes }) => entryBytes === to.entryBytes);
  if (alike.length === 0) return;
  const from = pick(alike, random);
  const start = from.start + random(from.count) * from.entryBytes;
  const part = source.bytes.subarray(start, start + (1 + random(4)) * from.entryBytes);
  bytes.set(
    part.subarray(0, bytes.length - to.start),
    to.start + Math.max(0, random(to.count) * to.entryBytes - part.length),
  );
}

/** Gives a field of one entry, or of a few in a row, a value that a linker would not. */
function setField(bytes, table, random) {
  const first = random(table.count);
  const last = random(4) === 0 ? Math.min(table.count, first + random(64)) : first + 1;
  const widthBytes = Math.min(table.entryBytes, [1, 2, 4, 8, 8][random(5)]);
  const within = Math.floor(random(table.entryBytes) / widthBytes) * widthBytes;
  const isSame = random(2) === 0;
  let value = wrongValue(bytes, random);
  for (let entry = first; entry < last; entry++) {
    const at = table.start + entry * table.entryBytes + within;
    if (at + 8 > bytes.length) return;
    if (!isSame) value = wrongValue(bytes, random);
    const field = Buffer.alloc(8);
    field.writeBigUInt64LE(
      BigInt.asUintN(64, random(3) === 0 ? nearby(bytes.readBigUInt64LE(at), random) : value),
    );
    field.copy(bytes, at, 0, widthBytes);
  }
}

function nearby(value, random) {
  return value + BigInt(random(33) - 16) * (random(2) === 0 ? 1n : 0x1000n);
}

function wrongValue(bytes, random) {
  const size = BigInt(bytes.length);
  const edges = [
    0n,
    1n,
    -1n,
    0x7fffffffn,
    0x80000000n,
    0xffffffffn,
    0x100000000n,
    1n << 53n,
    1n << 63n,
    (1n << 63n) - 1n,
  ];
  const kind = random(5);
  if (kind === 0) return edges[random(edges.length)];
  if (kind === 1) return size + BigInt(random(3) - 1);
  if (kind === 2) return BigInt(random(64));
  if (kind === 3) return BigInt(random(bytes.length));
  return (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));
}

function pick(list, random) {
  return list[random(list.length)];
}
