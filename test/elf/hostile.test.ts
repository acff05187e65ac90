// SPDX-License-Identifier: MIT
/**
 * Files nobody's linker made: thousands of random damages, and a few that aim at time and memory. Whatever
 * the bytes are, looking at everything ends soon, in values or in an UklError.
 */
import { beforeAll, expect, test } from "vitest";
import { readArchive } from "../../src/elf/archive.js";
import { type ElfFile, parseElf } from "../../src/elf/file.js";
import { identifyInput } from "../../src/elf/identify.js";
import { errorCatalogue, UklError } from "../../src/errors.js";
import { randomFrom } from "../support/random.js";
import { buildSamples, openWorkshop, startClock, withoutSectionHeaders } from "./toolchain.js";

const workshop = openWorkshop();
const timeLimitMs = 200;
let originals: Buffer[] = [];

beforeAll(() => {
  buildSamples(workshop);
  workshop.run("gcc", "-shared", "-nostdlib", "-Wl,--hash-style=sysv", "-o", "sysv", "sample.o");
  workshop.run("ar", "rcs", "lib.a", "sample.o", "sample.c");
  const names = ["sample.o", "dynamic", "dynamic-pie", "packed", "sysv"];
  const files = names.map((name) => workshop.read(name));
  originals = [
    ...files,
    ...files.slice(1).map((file) => withoutSectionHeaders(file)),
    workshop.read("lib.a"),
  ];
});

function lookAtEverything(elf: ElfFile): void {
  const parts: (() => unknown)[] = [
    () => elf.linkage,
    () => elf.symbols.map((symbol) => symbol.name),
    () => elf.dynamicSymbols.map((symbol) => symbol.name),
    () => elf.relocations.map(({ entries }) => entries),
    () => elf.dynamicRelocations,
    () => elf.dynamic,
    () => elf.interpreter,
    () => elf.notes,
    () => elf.buildId,
    () => elf.sections.map(elf.sectionBytes),
    () => elf.segments.map(elf.segmentBytes),
    () => elf.bytesAt(elf.entry, 16),
  ];
  for (const part of parts) expectOnlyUklErrors(part);
}

let refusals = 0;

function expectOnlyUklErrors(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof UklError) || !(error.code in errorCatalogue) || !error.code.startsWith("UKL-2"))
      throw error;
    refusals++;
  }
}

/** Reads everything that can be read, and returns the processor time it took in milliseconds. */
function exercise(bytes: Uint8Array): number {
  const elapsedMs = startClock();
  expectOnlyUklErrors(() => {
    if (identifyInput(bytes) === "archive") {
      for (const member of readArchive(bytes, "input").members) {
        expectOnlyUklErrors(() => lookAtEverything(parseElf(member.bytes, member.name)));
      }
    } else {
      lookAtEverything(parseElf(bytes, "input"));
    }
  });
  return elapsedMs();
}

const interesting = [
  0n,
  1n,
  0x7fn,
  0xffffn,
  0xffff_ffffn,
  1n << 40n,
  (1n << 53n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

function mutate(random: (below: number) => number): Buffer {
  const pick = () => originals[random(originals.length)] ?? Buffer.alloc(0);
  let bytes = Buffer.from(pick());
  const headersEnd = Math.min(bytes.length, 64 + 56 * 13);
  const place = () => {
    const near = [
      random(headersEnd),
      random(bytes.length),
      bytes.length - 1 - random(Math.min(2600, bytes.length)),
    ];
    return near[random(near.length)] ?? 0;
  };
  for (let damage = random(4); damage >= 0; damage--) {
    const at = place();
    const kind = random(4);
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
    if (kind === 1)
      bytes.writeBigUInt64LE(
        interesting[random(interesting.length)] ?? 0n,
        Math.min(at & ~7, bytes.length - 8),
      );
    if (kind === 2) pick().copy(bytes, at & ~7, random(32) * 8, random(32) * 64);
    if (kind === 3 && random(4) === 0) bytes = bytes.subarray(0, Math.max(at, 8));
  }
  return bytes;
}

test("2000 damaged files end in values or in errors with a code, each within 200 ms", () => {
  const slow: string[] = [];
  for (let seed = 1; seed <= 2000; seed++) {
    const bytes = mutate(randomFrom(seed));
    try {
      const timeMs = exercise(bytes);
      if (timeMs > timeLimitMs) slow.push(`seed ${seed}: ${timeMs.toFixed(0)} ms`);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  expect(slow).toEqual([]);
  // The damage must reach what is read late, too, not only the first check.
  expect(refusals).toBeGreaterThan(500);
});

test("the undamaged files are read without an error", () => {
  refusals = 0;
  for (const bytes of originals.slice(0, -1)) lookAtEverything(parseElf(bytes, "input"));
  expect(refusals).toBe(0);
});

/** A relocatable file of the given sections, [type, contents, link, entsize], behind the empty one. */
function relocatable(
  sections: readonly (readonly [number, Buffer, number, number])[],
  namesIndex = 0,
): Buffer {
  const header = Buffer.alloc(64);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(header);
  header.writeUInt16LE(1, 16);
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(1, 20);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(sections.length + 1, 60);
  header.writeUInt16LE(namesIndex, 62);
  let offset = 64;
  const headers = sections.map(([type, contents, link, entsize]) => {
    const record = Buffer.alloc(64);
    record.writeUInt32LE(type, 4);
    record.writeBigUInt64LE(BigInt(offset), 24);
    record.writeBigUInt64LE(BigInt(contents.length), 32);
    record.writeUInt32LE(link, 40);
    record.writeBigUInt64LE(BigInt(entsize), 56);
    offset += contents.length;
    return record;
  });
  header.writeBigUInt64LE(BigInt(offset), 40);
  return Buffer.concat([header, ...sections.map(([, contents]) => contents), Buffer.alloc(64), ...headers]);
}

const endlessName = Buffer.concat([Buffer.alloc(4_000_000, "x"), Buffer.of(0)]);

test("a hundred thousand symbols with one endless name are refused soon", () => {
  const file = relocatable([
    [3, endlessName, 0, 0],
    [2, Buffer.alloc(24 * 100_000), 1, 24],
  ]);
  const elapsedMs = startClock();
  expect(() => parseElf(file, "input").symbols.map((symbol) => symbol.name)).toThrow(
    expect.objectContaining({ code: "UKL-208" }),
  );
  expect(elapsedMs()).toBeLessThan(2000);
});

test("sixty thousand sections with one endless name are refused soon", () => {
  const empty = Array.from({ length: 60_000 }, () => [1, Buffer.alloc(0), 0, 0] as const);
  const file = relocatable([[3, endlessName, 0, 0], ...empty], 1);
  const elapsedMs = startClock();
  expect(() => parseElf(file, "input")).toThrow(expect.objectContaining({ code: "UKL-208" }));
  expect(elapsedMs()).toBeLessThan(2000);
});

test("thousands of note sections over the same bytes are read once", () => {
  const notes = Buffer.alloc(1_200_000);
  const file = relocatable([
    [7, notes, 0, 0],
    ...Array.from({ length: 5000 }, () => [7, Buffer.alloc(0), 0, 0] as const),
  ]);
  const headers = Number(file.readBigUInt64LE(40));
  for (let section = 2; section <= 5001; section++) {
    const at = headers + 64 * section;
    file.writeBigUInt64LE(BigInt(64 + 12 * section), at + 24);
    file.writeBigUInt64LE(BigInt(notes.length - 12 * section), at + 32);
  }
  const elapsedMs = startClock();
  expect(parseElf(file, "input").notes).toHaveLength(100_000);
  expect(elapsedMs()).toBeLessThan(2000);
});

test("of more than a million notes the first are read", () => {
  const file = relocatable([[7, Buffer.alloc(12 * 1_000_001), 0, 0]]);
  expect(parseElf(file, "input").notes).toHaveLength(1_000_000);
});

test("note segments that all have the whole file are not read over and over", () => {
  const count = 60_000;
  const bytes = Buffer.alloc(64 + 56 * count);
  relocatable([]).copy(bytes, 0, 0, 64);
  bytes.writeUInt16LE(2, 16);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeBigUInt64LE(0n, 40);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(count, 56);
  for (let at = 64; at < bytes.length; at += 56) {
    bytes.writeUInt32LE(4, at);
    bytes.writeBigUInt64LE(BigInt(bytes.length), at + 32);
  }
  const elapsedMs = startClock();
  expect(parseElf(bytes, "input").notes.length).toBeLessThan(1_000_000);
  expect(elapsedMs()).toBeLessThan(5000);
});

/** A loadable file of a dynamic section, whose entries may name the address of the payload behind it. */
function loadable(
  entries: (payload: bigint) => readonly (readonly [number, bigint])[],
  payload: Buffer,
): Buffer {
  const base = 0x400000n;
  const dynamicAt = 64 + 2 * 56;
  const count = entries(0n).length + 1;
  const payloadAt = dynamicAt + 16 * count;
  const bytes = Buffer.concat([relocatable([]).subarray(0, 64), Buffer.alloc(payloadAt - 64), payload]);
  bytes.writeUInt16LE(3, 16);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeBigUInt64LE(0n, 40);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(2, 56);
  const segment = (at: number, type: number, offset: number, size: number) => {
    bytes.writeUInt32LE(type, at);
    bytes.writeBigUInt64LE(BigInt(offset), at + 8);
    bytes.writeBigUInt64LE(base + BigInt(offset), at + 16);
    bytes.writeBigUInt64LE(BigInt(size), at + 32);
    bytes.writeBigUInt64LE(BigInt(size), at + 40);
  };
  segment(64, 1, 0, bytes.length);
  segment(120, 2, dynamicAt, 16 * count);
  for (const [index, [tag, value]] of entries(base + BigInt(payloadAt)).entries()) {
    bytes.writeBigUInt64LE(BigInt(tag), dynamicAt + 16 * index);
    bytes.writeBigUInt64LE(value, dynamicAt + 16 * index + 8);
  }
  return bytes;
}

test("of two dynamic entries with one tag the last counts, as for the loader", () => {
  const flags1 = 0x6ffffffb;
  const file = loadable(
    () => [
      [flags1, 1n],
      [flags1, 8n],
    ],
    Buffer.alloc(0),
  );
  expect(parseElf(file, "input").dynamic?.flags1).toBe(8n);
});

test("version needs that share their records a billion times are refused soon", () => {
  const [needs, versions] = [20_000, 60_000];
  const payload = Buffer.alloc(16 * (needs + versions) + 64);
  for (let need = 0; need < needs; need++) {
    payload.writeUInt16LE(versions, 16 * need + 2);
    payload.writeUInt32LE(16 * (needs - need), 16 * need + 8);
    payload.writeUInt32LE(16, 16 * need + 12);
  }
  for (let version = 0; version < versions; version++) payload.writeUInt32LE(16, 16 * (needs + version) + 12);
  const end = BigInt(payload.length - 64);
  const file = loadable(
    (at) => [
      [5, at + end],
      [10, 16n],
      [6, at + end],
      [0x6ffffff0, at + end],
      [0x6ffffffe, at],
      [0x6fffffff, BigInt(needs)],
    ],
    payload,
  );
  const elapsedMs = startClock();
  const elf = parseElf(file, "input");
  expect(elf.dynamicSymbols).toEqual([]);
  expect(elf.problems.join()).toContain("the version needs overlap");
  expect(elapsedMs()).toBeLessThan(1000);
});

test("packed relocations that name the same places over and over are refused", () => {
  const pairs = 20_000;
  const payload = Buffer.alloc(16 * pairs, 0xff);
  const entries = (at: bigint) =>
    [
      [36, at],
      [35, BigInt(payload.length)],
    ] as const;
  const file = loadable(entries, payload);
  const start = file.length - payload.length;
  for (let pair = 0; pair < pairs; pair++)
    file.writeBigUInt64LE(0x400000n + BigInt(start), start + 16 * pair);
  const elf = parseElf(file, "input");
  expect(elf.dynamicRelocations.count).toBe(0);
  expect(elf.problems.join()).toContain("more places than the file has words");
});
