// SPDX-License-Identifier: MIT
import { beforeAll, describe, expect, test } from "vitest";
import { SHT } from "../../src/elf/constants.js";
import { parseElf } from "../../src/elf/file.js";
import { buildSamples, openWorkshop, startClock } from "./toolchain.js";

const workshop = openWorkshop();
beforeAll(() => buildSamples(workshop));

describe("linkage", () => {
  test.each(["static", "static-pie", "dynamic", "dynamic-pie", "shared-library"])(
    "of a %s file is told, stripped or not",
    (linkage) => {
      workshop.run("strip", "-o", "stripped", linkage);
      expect([workshop.parse(linkage).linkage, workshop.parse("stripped").linkage]).toEqual([
        linkage,
        linkage,
      ]);
    },
  );

  test("of an object file is relocatable", () => {
    expect(workshop.parse("sample.o").linkage).toBe("relocatable");
  });

  test.each([
    ["the C library, which can be run", "libc.so.6"],
    ["the loader, which has no interpreter", "ld-linux-x86-64.so.2"],
  ])("of %s is shared-library", (_, name) => {
    const path = workshop.run("gcc", `-print-file-name=${name}`).trim();
    workshop.run("cp", path, name);
    expect(workshop.parse(name).linkage).toBe("shared-library");
  });

  test("of a static-pie by a linker that does not set DF_1_PIE is told by its entry", () => {
    const elf = workshop.parse("static-pie");
    const dynamic = elf.segments.find(({ type }) => type === 2);
    const bytes = workshop.read("static-pie");
    const at =
      (dynamic?.offset ?? 0) + 16 * (elf.dynamic?.entries.findIndex((e) => e.tag === 0x6ffffffb) ?? 0);
    bytes.writeBigUInt64LE(1n, at + 8);
    const patched = parseElf(bytes, "patched");
    expect([patched.dynamic?.flags1, patched.linkage]).toEqual([1n, "static-pie"]);
  });
});

describe("addresses", () => {
  test("of the kernel half are exact to the last bit", () => {
    workshop.assemble(
      "kernel",
      ".globl _start, odd\n.text\n_start: nop\nnop\nnop\nodd: nop\n.globl last\n.set last, 0xfffffffffffffffd\n",
    );
    workshop.run("ld", "-Ttext=0xffffffff81234567", "-e", "odd", "-o", "kernel", "kernel.o");
    const elf = workshop.parse("kernel");
    const value = (name: string) => elf.symbols.find((symbol) => symbol.name === name)?.value;
    expect(elf.section(".text")?.addr).toBe(0xffffffff81234567n);
    expect([elf.entry, value("odd"), value("last")]).toEqual([
      0xffffffff8123456an,
      0xffffffff8123456an,
      0xfffffffffffffffdn,
    ]);
  });

  test("give the bytes the file has there, and none in .bss or between segments", () => {
    workshop.assemble("data", '.data\n.globl d\nd: .ascii "abcdef"\n.bss\n.zero 64\n');
    workshop.run("ld", "-e", "0", "-Tdata=0x600000", "-o", "data", "data.o");
    const elf = workshop.parse("data");
    const read = (vaddr: bigint, size: number) => {
      const bytes = elf.bytesAt(vaddr, size);
      return bytes && Buffer.from(bytes).toString();
    };
    expect([read(0x600000n, 6), read(0x600003n, 3)]).toEqual(["abcdef", "def"]);
    expect([read(0x600003n, 4), read(0x600006n, 1), read(0x5fefffn, 1), read(0x600000n, -1)]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("and contents are views of the file, not copies", () => {
    const elf = workshop.parse("data");
    const section = elf.section(".data");
    if (section === undefined) throw new Error("no .data");
    expect(elf.sectionBytes(section).buffer).toBe(elf.bytes.buffer);
    expect(elf.bytesAt(0x600000n, 6)?.buffer).toBe(elf.bytes.buffer);
  });
});

describe("sections", () => {
  test("without bytes in the file have no contents, whatever their size", () => {
    workshop.assemble("bss", ".bss\n.zero 0x40000000\n.data\n.byte 1,2,3\n");
    const elf = workshop.parse("bss.o");
    const contents = (name: string) => elf.sections.filter((s) => s.name === name).map(elf.sectionBytes);
    expect(elf.section(".bss")?.type).toBe(SHT.NOBITS);
    expect(elf.section(".bss")?.size).toBe(0x40000000);
    expect(contents(".bss")).toEqual([new Uint8Array(0)]);
    expect(contents(".data").map((bytes) => [...bytes])).toEqual([[1, 2, 3]]);
  });

  test("may be more than 65279: counts and symbol indices are then extended", () => {
    const count = 65_400;
    const source = Array.from({ length: count }, (_, i) => `.section .s${i},"a"\nx${i}:\n`).join("");
    workshop.assemble("many", `${source}.globl x0\n`);
    const elapsedMs = startClock();
    const elf = workshop.parse("many.o");
    const last = elf.symbols.find((symbol) => symbol.name === `x${count - 1}`);
    expect(elapsedMs()).toBeLessThan(3000);
    expect(workshop.read("many.o").readUInt16LE(60)).toBe(0);
    expect(elf.sections.length).toBeGreaterThan(count);
    expect(elf.sections[Number(last?.section)]?.name).toBe(`.s${count - 1}`);
  });

  test("are read with as many segments as need an extended count", () => {
    const count = 0x10001;
    const headers = 64 + count * 56;
    const bytes = Buffer.alloc(headers + 64);
    workshop.read("static").copy(bytes, 0, 0, 64);
    bytes.writeBigUInt64LE(BigInt(headers), 40);
    bytes.writeUInt16LE(0xffff, 56);
    bytes.writeUInt16LE(1, 60);
    bytes.writeUInt16LE(0, 62);
    bytes.writeUInt32LE(count, headers + 44);
    expect(parseElf(bytes, "patched").segments).toHaveLength(count);
  });
});

describe("symbols", () => {
  test("that are common, absolute, weak, hidden or undefined say so", () => {
    workshop.assemble(
      "kinds",
      ".comm c,24,16\n.set a,5\n.globl a\n.weak w\nw: nop\n.hidden h\n.globl h\nh: call u\n.type i,@gnu_indirect_function\n.globl i\ni: ret\n",
    );
    const kinds = workshop
      .parse("kinds.o")
      .symbols.map((s) => [s.name, [s.section, s.binding, s.visibility]]);
    expect(Object.fromEntries(kinds)).toMatchObject({
      c: ["common", "global", "default"],
      a: ["absolute", "global", "default"],
      w: [1, "weak", "default"],
      h: [1, "global", "hidden"],
      u: ["undefined", "global", "default"],
    });
    const ifunc = workshop.parse("kinds.o").symbols.find((symbol) => symbol.name === "i");
    expect(ifunc?.type).toBe("ifunc");
  });
});

describe("notes", () => {
  test("in a section aligned to 8 bytes are padded to 8 bytes", () => {
    const note = (type: number) => `.long 4, 4, ${type}\n.ascii "Own\\0"\n.long ${type * 16}\n.balign 8\n`;
    workshop.assemble("notes", `.section .note.own,"a",@note\n.balign 8\n${note(1)}${note(2)}`);
    const notes = workshop.parse("notes.o").notes;
    expect(notes.map(({ owner, type, description }) => [owner, type, [...description]])).toEqual([
      ["Own", 1, [16, 0, 0, 0]],
      ["Own", 2, [32, 0, 0, 0]],
    ]);
  });
});
