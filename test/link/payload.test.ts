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
}, 60_000);

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

describe("a program is refused as UKL-208", () => {
  /** The program with its segments changed, as an unusual linker script might have made it. */
  function changed(name: string, change: (load: { offset: number; vaddr: bigint }, index: number) => object) {
    const program = workshop.program(name);
    let index = 0;
    const segments = program.segments.map((segment) =>
      segment.type === PT.LOAD ? { ...segment, ...change(segment, index++) } : segment,
    );
    return Object.defineProperty(Object.create(program), "segments", { value: segments });
  }

  test("when no segment begins with the ELF header", () => {
    const application = changed("static", ({ offset }) => (offset === 0 ? { offset: 16 } : {}));
    expect(() => workshop.payload(application)).toThrow(expect.objectContaining({ code: "UKL-208" }));
  });

  test("when two segments share bytes of the file", () => {
    const application = changed("static", ({ offset }, index) =>
      index === 2 ? { offset: offset - 4096 } : {},
    );
    expect(() => workshop.payload(application)).toThrow(expect.objectContaining({ code: "UKL-208" }));
  });

  test("when a segment and its padding would reach into the next one", () => {
    const application = changed("static", ({ vaddr }, index) =>
      index === 1 ? { vaddr: vaddr - 0x800n } : {},
    );
    expect(() => workshop.payload(application)).toThrow(expect.objectContaining({ code: "UKL-208" }));
  });
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
