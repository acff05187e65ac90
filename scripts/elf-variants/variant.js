// SPDX-License-Identifier: MIT
// One variant of a file: headers and segments as an unusual linker, a tool that rewrites files, or damage leaves them.
import { randomFrom } from "../../test/support/random.js";

const pageBytes = 4096n;
/** Elf64_Phdr: offset and size of each field. */
const segmentFields = [
  [0, 4],
  [4, 4],
  [8, 8],
  [16, 8],
  [24, 8],
  [32, 8],
  [40, 8],
  [48, 8],
];
/** PT_NULL to PT_TLS, and those of GNU. */
const segmentTypes = [0, 1, 2, 3, 4, 5, 6, 7, 0x6474e550, 0x6474e551, 0x6474e552, 0x6474e553, 0x70000000];
/** Of the file header, what Linux does not look at: identification, version, flags, sizes, section headers. */
const unseenFields = [
  [4, 1],
  [5, 1],
  [6, 1],
  [7, 1],
  [8, 8],
  [20, 4],
  [40, 8],
  [48, 4],
  [52, 2],
  [58, 2],
  [60, 2],
  [62, 2],
];
/** And what it looks at: type, machine, entry, program headers. */
const seenFields = [
  [16, 2],
  [18, 2],
  [24, 8],
  [32, 8],
  [54, 2],
  [56, 2],
];

/**
 * The variant of a number.
 *
 * @param {readonly { readonly name: string, readonly bytes: Buffer, readonly weight: number }[]} bases
 * @param {number} seed
 * @param {number} index
 * @returns {{ readonly name: string, readonly bytes: Buffer, readonly changes: readonly string[] }}
 */
export function variantOf(bases, seed, index) {
  const random = randomFrom(seed * 1_000_003 + index);
  const drawn = bases.flatMap((base) => Array(base.weight).fill(base));
  const base = drawn[random(drawn.length)];
  const changes = [];
  let bytes = Buffer.from(base.bytes);
  for (let left = 1 + random(3); left > 0; left--) {
    const [what, changed] = changeOnce(bytes, random);
    bytes = changed;
    changes.push(what);
  }
  return { name: `${index}-${base.name}`, bytes, changes };
}

function changeOnce(bytes, random) {
  const kind = random(20);
  if (kind < 9) return changeSegment(bytes, random);
  if (kind < 12) return changeField("header", bytes, 0, unseenFields[random(unseenFields.length)], random);
  if (kind < 13) return changeField("header", bytes, 0, seenFields[random(seenFields.length)], random);
  if (kind < 15) return changeSection(bytes, random);
  if (kind < 16) return moveHeaders(bytes);
  if (kind < 18) return exchangeHeaders(bytes, random);
  if (kind < 19) return ["append", Buffer.concat([bytes, Buffer.alloc(1 + random(9000), random(256))])];
  return truncate(bytes, random);
}

function tableOf(bytes) {
  const offset = Number(bytes.readBigUInt64LE(32));
  const count = bytes.readUInt16LE(56);
  return offset + count * 56 <= bytes.length ? { offset, count } : { offset: 64, count: 0 };
}

function changeSegment(bytes, random) {
  const { offset, count } = tableOf(bytes);
  if (count === 0) return ["nothing", bytes];
  const index = random(count);
  const at = offset + 56 * index;
  const [field, size] = segmentFields[random(segmentFields.length)];
  if (field === 0) {
    const type = segmentTypes[random(segmentTypes.length)];
    bytes.writeUInt32LE(type, at);
    return [`segment ${index}: type ${type}`, bytes];
  }
  return changeField(`segment ${index}`, bytes, at, [field, size], random);
}

function changeSection(bytes, random) {
  const table = Number(bytes.readBigUInt64LE(40));
  const count = bytes.readUInt16LE(60);
  if (count === 0 || table + 64 * count > bytes.length) return ["nothing", bytes];
  const index = random(count);
  // Name, offset, link, info, alignment, record size.
  const field = [
    [0, 4],
    [24, 8],
    [40, 4],
    [44, 4],
    [48, 8],
    [56, 8],
  ][random(6)];
  return changeField(`section ${index}`, bytes, table + 64 * index, field, random);
}

function changeField(what, bytes, at, [field, size], random) {
  const mask = (1n << BigInt(8 * size)) - 1n;
  const old = readField(bytes, at + field, size);
  const near = [old + 1n, old - 1n, old + pageBytes, old - pageBytes, old + 8n, old / 2n, old * 2n, old ^ 1n];
  const absolute = [
    0n,
    1n,
    2n,
    7n,
    24n,
    pageBytes,
    1n << 47n,
    mask,
    mask >> 1n,
    BigInt(bytes.length),
    BigInt(random(65536)),
  ];
  const values = random(3) === 0 ? absolute : near;
  const value = (values[random(values.length)] ?? 0n) & mask;
  for (let byte = 0; byte < size; byte++)
    bytes[at + field + byte] = Number((value >> BigInt(8 * byte)) & 0xffn);
  return [`${what}: at ${field} 0x${old.toString(16)} becomes 0x${value.toString(16)}`, bytes];
}

function readField(bytes, at, size) {
  let value = 0n;
  for (let byte = size - 1; byte >= 0; byte--) value = (value << 8n) + BigInt(bytes[at + byte] ?? 0);
  return value;
}

/** Where no PT_LOAD has them. */
function moveHeaders(bytes) {
  const { offset, count } = tableOf(bytes);
  const moved = Buffer.concat([bytes, bytes.subarray(offset, offset + 56 * count)]);
  moved.writeBigUInt64LE(BigInt(bytes.length), 32);
  return ["program headers at the end", moved];
}

function exchangeHeaders(bytes, random) {
  const { offset, count } = tableOf(bytes);
  if (count < 2) return ["nothing", bytes];
  const [left, right] = [random(count), random(count)];
  const [a, b] = [offset + 56 * left, offset + 56 * right];
  const first = Buffer.from(bytes.subarray(a, a + 56));
  const isCopied = random(3) === 0;
  if (!isCopied) bytes.copy(bytes, a, b, b + 56);
  first.copy(bytes, b);
  return [`segment ${left} ${isCopied ? "is copied to" : "changes places with"} ${right}`, bytes];
}

function truncate(bytes, random) {
  const size = random(2) === 0 ? random(bytes.length) : bytes.length - random(5000);
  return [`cut to ${size}`, Buffer.from(bytes.subarray(0, Math.max(size, 70)))];
}
