// SPDX-License-Identifier: MIT
/** Objects are read back by readelf and nm, and linked by ld. */
import { describe, expect, test } from "vitest";
import { type ObjectSection, type ObjectSymbol, writeObject } from "../../src/elf/object.js";
import { openWorkshop } from "./toolchain.js";

const workshop = openWorkshop();

const note = Buffer.from("\x04\0\0\0\x04\0\0\0\x01\0\0\0abc\0wxyz", "latin1");
const sections: readonly ObjectSection[] = [
  { name: ".odd", type: "progbits", flags: {}, alignBytes: 1, data: Buffer.from("odd") },
  { name: ".code", type: "progbits", flags: { execute: true }, alignBytes: 16, data: Buffer.from([0xc3]) },
  { name: ".page", type: "progbits", flags: { write: true }, alignBytes: 4096, data: Buffer.alloc(5000, 7) },
  { name: ".note.test", type: "note", flags: {}, alignBytes: 4, data: note },
  { name: ".huge", type: "progbits", flags: {}, alignBytes: 1 << 21, data: Buffer.from("huge") },
  { name: ".empty", type: "progbits", flags: {}, alignBytes: 8, data: new Uint8Array() },
];
const symbols: readonly ObjectSymbol[] = [
  { name: "first", section: 0, offset: 1, sizeBytes: 2 },
  { name: "page_end", section: 2, offset: 5000, sizeBytes: 0 },
  { name: "code", section: 1, offset: 0, sizeBytes: 1 },
];

const object = writeObject(sections, symbols);
workshop.write("object.o", object);

/** The columns of `readelf -SW`, by section name. */
function readelfSections(): ReadonlyMap<
  string,
  { type: string; offset: number; size: number; rest: string }
> {
  const lines = workshop.run("readelf", "-SW", "object.o").split("\n");
  return new Map(
    lines.flatMap((line) => {
      const match = /\] (\S+) +(\S+) +[0-9a-f]{16} ([0-9a-f]+) ([0-9a-f]+) [0-9a-f]+ +(.*)$/.exec(line);
      if (match === null) return [];
      const [, name = "", type = "", offset = "", size = "", rest = ""] = match;
      const place = { offset: Number.parseInt(offset, 16), size: Number.parseInt(size, 16) };
      return [[name, { type, ...place, rest: rest.replaceAll(/ +/g, " ") }] as const];
    }),
  );
}

describe("readelf finds", () => {
  test("nothing to warn about in a relocatable x86-64 file", () => {
    const header = workshop.run("readelf", "-hW", "object.o");
    expect(header).toMatch(/Type: +REL/);
    expect(header).toMatch(/Machine: +Advanced Micro Devices X86-64/);
    // With -a it looks at everything; its warnings go to stderr.
    const checked = workshop.run("sh", "-c", "readelf -aW object.o 2>&1 >/dev/null");
    expect(checked).toBe("");
  });

  test("each section with its type, flags, alignment and bytes", () => {
    const found = readelfSections();
    // Flags, link, info, alignment.
    expect(found.get(".odd")).toMatchObject({ type: "PROGBITS", rest: "A 0 0 1" });
    expect(found.get(".code")).toMatchObject({ type: "PROGBITS", rest: "AX 0 0 16" });
    expect(found.get(".page")).toMatchObject({ type: "PROGBITS", rest: "WA 0 0 4096" });
    expect(found.get(".note.test")).toMatchObject({ type: "NOTE", rest: "A 0 0 4" });
    expect(found.get(".huge")).toMatchObject({ type: "PROGBITS", rest: "A 0 0 2097152" });
    for (const { name, data, alignBytes } of sections) {
      const { offset = 0, size } = found.get(name) ?? {};
      expect(size).toBe(data.length);
      expect(offset % alignBytes).toBe(0);
      expect(object.subarray(offset, offset + data.length)).toEqual(Buffer.from(data));
    }
  });

  test("each symbol as a global one, in its section, with value and size", () => {
    const lines = workshop.run("readelf", "-sW", "object.o").split("\n");
    const columns = lines.map((line) => line.trim().split(/ +/));
    const found = columns.filter(([, , , type]) => type === "OBJECT");
    // Value, size, binding, section number (the first of ours is 1), name.
    expect(
      found.map(([, value, size, , binding, , section, name]) => [name, value, size, binding, section]),
    ).toEqual([
      ["first", "0000000000000001", "2", "GLOBAL", "1"],
      ["page_end", "0000000000001388", "0", "GLOBAL", "3"],
      ["code", "0000000000000000", "1", "GLOBAL", "2"],
    ]);
  });

  test("the note", () => {
    const notes = workshop.run("readelf", "-nW", "object.o").replaceAll(/\s+/g, " ");
    expect(notes).toContain("abc 0x00000004");
  });
});

test("ld -r takes it and keeps what is in it", () => {
  workshop.run("ld", "-r", "-o", "again.o", "object.o");
  const again = workshop.parse("again.o");
  for (const { name, data, alignBytes } of sections.filter(({ data }) => data.length > 0)) {
    const section = again.section(name);
    if (section === undefined) throw new Error(`no ${name}`);
    expect(section.addralign).toBe(alignBytes);
    expect(Buffer.from(again.sectionBytes(section))).toEqual(Buffer.from(data));
  }
  expect(again.symbols.filter(({ binding }) => binding === "global").map(({ name }) => name)).toEqual(
    expect.arrayContaining(["first", "page_end", "code"]),
  );
});

test("a link resolves references to its symbols", () => {
  workshop.assemble("user", ".globl _start\n_start: ret\n.data\n.quad page_end, first, code\n");
  workshop.run("ld", "-z", "noexecstack", "-o", "linked", "user.o", "object.o");
  const linked = workshop.parse("linked");
  const page = linked.section(".page");
  const end = linked.symbols.find(({ name }) => name === "page_end");
  expect(page?.addr).toBeDefined();
  expect((page?.addr ?? 0n) % 4096n).toBe(0n);
  expect(end?.value).toBe((page?.addr ?? 0n) + 5000n);
});

test("the same sections and symbols give the same bytes", () => {
  expect(writeObject(sections, symbols).equals(object)).toBe(true);
});

test("an object may have no symbols", () => {
  workshop.write("bare.o", writeObject(sections.slice(0, 1), []));
  workshop.run("ld", "-r", "-o", "bare-again.o", "bare.o");
  const section = workshop.parse("bare-again.o").section(".odd");
  expect(section?.size).toBe(3);
});
