// SPDX-License-Identifier: MIT
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { PF, PT } from "../../src/elf/constants.js";
import { parseElf } from "../../src/elf/file.js";
import { writeObject } from "../../src/elf/object.js";
import { manifestNote } from "../../src/manifest.js";
import { archiveOf, guestPath, members, openProgramShop, programs, runHere } from "./programs.js";

const workshop = openProgramShop();

beforeAll(() => {
  for (const name of Object.keys(programs)) workshop.program(name);
});

/** PT_LOAD lines of readelf: offset, address, size in the file, flags. */
function readelfLoads(name: string): readonly (readonly [number, bigint, number, string])[] {
  const line = /^ +LOAD +(0x\w+) (0x\w+) 0x\w+ (0x\w+) 0x\w+ ([RWE ]{3}) /gm;
  return [...workshop.run("readelf", "-lW", name).matchAll(line)].map(([, offset, vaddr, size, flags]) => {
    return [Number(offset), BigInt(vaddr ?? 0), Number(size), (flags ?? "").replaceAll(" ", "")] as const;
  });
}

/** The program as cpio extracts it from the payload's archive. */
function extract(name: string): string {
  const folder = `extracted-${name}`;
  mkdirSync(join(workshop.directory, folder), { recursive: true });
  workshop.write(`${folder}/archive`, archiveOf(workshop.payload(workshop.program(name))));
  workshop.run("sh", "-c", `cd ${folder} && cpio -id --quiet -F archive`);
  return `${folder}${guestPath}`;
}

describe.each(Object.keys(programs))("the payload of a %s program", (name) => {
  test("has every segment that has bytes, at its address and with its permissions", () => {
    const { segments } = workshop.payload(workshop.program(name));
    const expected = readelfLoads(name).filter(([, , size]) => size > 0);
    // A position-independent program has addresses from 0, and is shown at a base that is a multiple of a page.
    const base = (segments[0]?.vaddr ?? 0n) - (expected[0]?.[1] ?? 0n);
    if (!name.includes("pie")) expect(base).toBe(0n);
    expect(base % 4096n).toBe(0n);
    expect(
      segments.map(({ fileOffset, vaddr, flags }) => {
        const letters = `${flags & PF.R ? "R" : ""}${flags & PF.W ? "W" : ""}${flags & PF.X ? "E" : ""}`;
        return [fileOffset, vaddr - base, letters];
      }),
    ).toEqual(expected.map(([offset, vaddr, , flags]) => [offset, vaddr, flags]));
  });

  test("is contiguous by file offset, from the ELF header to the end of the last segment", () => {
    const { segments, fileBytes, sections } = workshop.payload(workshop.program(name));
    let offset = 0;
    for (const [index, segment] of segments.entries()) {
      expect(segment.fileOffset).toBe(offset);
      const section = sections.find((candidate) => candidate.name === `.ukl.load.${index}`);
      expect(section?.data.length).toBe(segment.sizeBytes);
      offset += segment.sizeBytes;
    }
    expect(offset).toBe(fileBytes);
    expect(fileBytes).toBe(Math.max(...readelfLoads(name).map(([start, , size]) => start + size)));
  });

  test("gives a file that is the loaded part of the program, but for its section header table", () => {
    const extracted = workshop.read(extract(name));
    const original = workshop.read(name).subarray(0, extracted.length);
    expect(extracted.subarray(64).equals(original.subarray(64))).toBe(true);
    const header = workshop.run("readelf", "-hW", extract(name));
    expect(header).toMatch(/Start of section headers: +0 /);
    expect(header).toMatch(/Number of section headers: +0\n/);
    expect(header).toMatch(/Section header string table index: +0\n/);
    // Nothing else in the header changed.
    const differing = [...extracted.subarray(0, 64).keys()].filter((at) => extracted[at] !== original[at]);
    expect(differing.every((at) => (at >= 40 && at < 48) || (at >= 60 && at < 64))).toBe(true);
  });

  test("gives a file that runs like the program", () => {
    const original = runHere(workshop, name);
    expect(original.status).toBe(7);
    expect(original.stdout).not.toBe("");
    expect(runHere(workshop, extract(name))).toEqual(original);
  });
});

describe("the archive", () => {
  test("has the size that the kernel is told", () => {
    const payload = workshop.payload(workshop.program("static"));
    workshop.write("payload.o", writeObject(payload.sections, payload.symbols));
    const object = workshop.parse("payload.o");
    const symbol = object.symbols.find(({ name }) => name === "__initramfs_size");
    const info = object.section(".ukl.info");
    if (symbol === undefined || info === undefined) throw new Error("no size");
    const value = Buffer.from(object.sectionBytes(info)).readBigUInt64LE(Number(symbol.value));
    expect(value).toBe(BigInt(archiveOf(payload).length));
    expect(payload.archiveBytes).toBe(archiveOf(payload).length);
  });

  test("begins with the given members and puts the program's first byte at a page", () => {
    const archive = archiveOf(workshop.payload(workshop.program("static")));
    expect(archive.subarray(0, members.length).equals(members)).toBe(true);
    const start = archive.indexOf("\x7fELF", 0, "latin1");
    expect(start).toBeGreaterThan(0);
    expect(start % 4096).toBe(0);
  });

  test("marks the program with the permissions it is given", () => {
    expect(workshop.run("stat", "-c", "%a", extract("static"))).toBe("1755\n");
  });

  test("is the same for the same program", () => {
    const application = parseElf(workshop.read("static"), "static");
    const again = archiveOf(workshop.payload(application));
    expect(archiveOf(workshop.payload(workshop.program("static"))).equals(again)).toBe(true);
  });
});

describe("the manifest", () => {
  test.each(["{}", '{"a":12}', '{"name":"größer"}', JSON.stringify({ long: "x".repeat(70_000) })])(
    "comes back from the note",
    (manifest) => {
      const { sections } = workshop.payload(workshop.program("static"), manifest);
      workshop.write("payload.o", writeObject(sections, []));
      const { notes } = workshop.parse("payload.o");
      expect(notes).toHaveLength(1);
      expect(notes[0]).toMatchObject({ owner: manifestNote.name, type: manifestNote.type });
      expect(Buffer.from(notes[0]?.description ?? []).toString()).toBe(manifest);
    },
  );
});

describe("what cannot be shown at its own address is in the archive all the same", () => {
  /** The program with a field of its program headers changed; of readelf's PT_LOADs, by index. */
  function changed(index: number, field: number, change: (value: bigint) => bigint) {
    const file = Buffer.from(workshop.read("static"));
    const loads = [...Array(file.readUInt16LE(56)).keys()]
      .map((header) => 64 + 56 * header)
      .filter((at) => file.readUInt32LE(at) === PT.LOAD);
    const at = (loads[index] ?? 0) + field;
    file.writeBigUInt64LE(change(file.readBigUInt64LE(at)), at);
    return file;
  }

  beforeAll(() => void workshop.program("static"));

  test.each<[string, () => Buffer]>([
    ["a first segment that does not begin with the ELF header", () => changed(0, 8, () => 4096n)],
    ["two segments that share bytes of the file", () => changed(2, 8, (offset) => offset - 4096n)],
    ["two segments at the same addresses", () => changed(1, 16, (vaddr) => vaddr - 4096n)],
    ["a segment in the kernel's half", () => changed(1, 16, () => 0xffffffff81000000n)],
    ["a segment that ends behind the file", () => changed(2, 32, (size) => size + 0x10000n)],
  ])("%s", (_, make) => {
    const file = make();
    const payload = workshop.payload(parseElf(file, "static"));
    let offset = 0;
    for (const { fileOffset, sizeBytes } of payload.segments) {
      expect(fileOffset).toBe(offset);
      offset += sizeBytes;
    }
    expect(offset).toBe(payload.fileBytes);
    const start = archiveOf(payload).indexOf("\x7fELF", 0, "latin1");
    const kept = archiveOf(payload).subarray(start + 64, start + payload.fileBytes);
    expect(kept.equals(file.subarray(64, payload.fileBytes))).toBe(true);
  });
});

test("a file to which something was appended stays as it is", () => {
  const file = Buffer.concat([workshop.read("static"), Buffer.from("an archive, for example")]);
  const payload = workshop.payload(parseElf(file, "static"));
  const start = archiveOf(payload).indexOf("\x7fELF", 0, "latin1");
  expect(
    archiveOf(payload)
      .subarray(start, start + file.length)
      .equals(file),
  ).toBe(true);
});

test("program headers behind the last segment are kept, so that the program still runs", () => {
  const original = workshop.read("static");
  const file = Buffer.concat([original, original.subarray(64, 64 + 56 * original.readUInt16LE(56))]);
  file.writeBigUInt64LE(BigInt(original.length), 32);
  file.fill(0xff, 64, 64 + 56 * original.readUInt16LE(56));
  const archive = archiveOf(workshop.payload(parseElf(file, "static")));
  mkdirSync(join(workshop.directory, "moved"), { recursive: true });
  workshop.write("moved/archive", archive);
  workshop.run("sh", "-c", "cd moved && cpio -id --quiet -F archive");
  expect(runHere(workshop, `moved${guestPath}`)).toEqual(runHere(workshop, "static"));
});
