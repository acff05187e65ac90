// SPDX-License-Identifier: MIT
/** What is read from real files, held against what readelf and nm say about them. */
import { beforeAll, describe, expect, test } from "vitest";
import { segmentTypeName } from "../../src/elf/constants.js";
import { parseElf } from "../../src/elf/file.js";
import { buildSamples, openWorkshop, withoutSectionHeaders } from "./toolchain.js";

const workshop = openWorkshop();
const linked = ["static", "static-pie", "dynamic", "dynamic-pie", "shared-library", "packed"];
const samples = ["sample.o", ...linked];

beforeAll(() => buildSamples(workshop));

const hexOf = (value: number | bigint, digits = 0) => value.toString(16).padStart(digits, "0");
const lines = (option: string, name: string) => workshop.run("readelf", option, name).split("\n");

/** Rows of readelf, taken apart by a pattern, and never none: a changed format must not pass unseen. */
function rows(option: string, name: string, pattern: RegExp): string[][] {
  const found = lines(option, name).flatMap((line) => {
    const match = pattern.exec(line);
    return match === null ? [] : [match.slice(1)];
  });
  expect(found).not.toHaveLength(0);
  return found;
}

describe.each(samples)("%s", (name) => {
  test("has the sections of readelf, alignment and entry size included", () => {
    const pattern =
      /^ +\[ *(\d+)\] (\S*) +\S+ +([0-9a-f]{16}) ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+) [ A-Zoxlp]{3,} +(\d+) +(\d+) +(\d+)$/;
    const sections = workshop
      .parse(name)
      .sections.map((section) => [
        String(section.index),
        section.name,
        hexOf(section.addr, 16),
        hexOf(section.offset, 6),
        hexOf(section.size, 6),
        hexOf(section.entsize, 2),
        String(section.link),
        String(section.info),
        String(section.addralign),
      ]);
    expect(sections).toEqual(rows("-SW", name, pattern));
  });

  // readelf appends the version to a dynamic symbol's name; the versions have tests of their own.
  test("has the symbols of readelf", () => {
    const bare = (cell: string | undefined) => cell?.replace(/@.*/, "");
    const pattern = /^ +\d+: ([0-9a-f]{16}) +(\w+) (\w+) +(\w+) +(\w+) +(\w+) ?(.*)$/;
    const words: Record<string, string> = { none: "NOTYPE", function: "FUNC" };
    const places: Record<string, string> = { undefined: "UND", absolute: "ABS", common: "COM" };
    const elf = workshop.parse(name);
    const all = [...elf.dynamicSymbols, ...elf.symbols].map((symbol) => [
      hexOf(symbol.value, 16),
      String(symbol.size),
      words[symbol.type] ?? symbol.type.toUpperCase(),
      symbol.binding.toUpperCase(),
      symbol.visibility.toUpperCase(),
      places[symbol.section] ?? String(symbol.section),
      symbol.type === "section" ? elf.sections[Number(symbol.section)]?.name : symbol.name,
    ]);
    expect(all.map((row) => row.map(bare))).toEqual(rows("-sW", name, pattern).map((row) => row.map(bare)));
  });
});

describe.each(linked)("%s", (name) => {
  test("has the segments of readelf", () => {
    const pattern =
      /^ +(\w+) +0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+) ([R ][W ][E ]) 0x(\w+)$/;
    const letters = (flags: number) => [4, 2, 1].map((bit, at) => (flags & bit ? "RWE"[at] : " ")).join("");
    const elf = workshop.parse(name);
    const segments = elf.segments.map((segment) => [
      segmentTypeName(segment.type).replace("PT_", ""),
      hexOf(segment.offset, 6),
      hexOf(segment.vaddr, 16),
      hexOf(segment.paddr, 16),
      hexOf(segment.filesz, 6),
      hexOf(segment.memsz, 6),
      letters(segment.flags),
      hexOf(segment.align),
    ]);
    expect(segments).toEqual(rows("-lW", name, pattern));
    expect(`0x${hexOf(elf.entry)}`).toBe(rows("-hW", name, /Entry point address: +(\S+)/)[0]?.[0]);
  });

  test("has the notes of readelf", () => {
    const notes = workshop.parse(name).notes.map(({ owner, description }) => {
      return [owner, hexOf(description.length, 8)];
    });
    expect(notes).toEqual(rows("-nW", name, /^ {2}(\w+) +0x([0-9a-f]{8})\t/));
  });

  test("has the build-id of readelf", () => {
    expect(workshop.parse(name).buildId).toBe(rows("-nW", name, /Build ID: (\w+)/)[0]?.[0]);
  });
});

describe("relocations", () => {
  const pattern = /^([0-9a-f]{16}) {2}([0-9a-f]{8})([0-9a-f]{8}) R_X86_64_/;

  test.each(samples)("of the sections of %s are those of readelf", (name) => {
    const relocations = workshop.parse(name).relocations.flatMap(({ entries }) => entries);
    const seen = relocations.map((r) => [hexOf(r.offset, 16), hexOf(r.symbolIndex, 8), hexOf(r.type, 8)]);
    expect(seen).toEqual(rows("-rW", name, pattern));
  });

  test.each(["dynamic", "dynamic-pie", "shared-library"])(
    "of the loader in %s are those of readelf",
    (name) => {
      const { offsets, symbols, types } = workshop.parse(name).dynamicRelocations;
      const seen = Array.from(offsets, (offset, index) => [
        hexOf(offset, 16),
        hexOf(symbols[index] ?? 0, 8),
        hexOf(types[index] ?? 0, 8),
      ]);
      expect(seen).toEqual(rows("-rW", name, pattern));
    },
  );

  test("packed as RELR are unpacked to the places readelf lists", () => {
    const elf = workshop.parse("packed");
    const output = workshop.run("readelf", "-rW", "packed");
    const packed = output.slice(output.indexOf(".relr.dyn"));
    // The address alone, or, with newer binutils, behind the entry that stands for it and before a symbol.
    const line = /^(?:(?:[0-9a-f]{4,}: +[0-9a-f]{16} +| {20,})([0-9a-f]{16}) .*|([0-9a-f]{16}))$/gm;
    const places = [...packed.matchAll(line)].map(([, described, alone]) => described ?? alone);
    expect(places.length).toBeGreaterThan(4);
    const { offsets, types, addends } = elf.dynamicRelocations;
    const relative = [...offsets.keys()].filter((index) => types[index] === 8);
    const offsetOf = (index: number) => offsets[index] ?? 0;
    expect(relative.map((index) => hexOf(offsetOf(index), 16))).toEqual(places);
    const shared = elf.symbols.find((symbol) => symbol.name === "shared_value");
    const pointers = elf.symbols.find((symbol) => symbol.name === "pointers");
    const inPointers = relative.filter((index) => offsetOf(index) >= Number(pointers?.value));
    const address = Number(shared?.value);
    expect(inPointers.map((index) => addends[index])).toEqual([address, address, address]);
  });

  test("keep negative addends, and know their target and symbol table", () => {
    workshop.assemble("addend", ".text\ncall puts\n.data\n.quad puts-0x1234\n");
    const [text, data] = workshop.parse("addend.o").relocations;
    expect([text?.target?.name, text?.symbolTable?.name, text?.entries[0]?.addend]).toEqual([
      ".text",
      ".symtab",
      -4n,
    ]);
    expect([data?.target?.name, data?.entries[0]?.addend]).toEqual([".data", -0x1234n]);
  });
});

describe("the dynamic section", () => {
  test("names libraries, soname and run path as readelf does", () => {
    const library = workshop.parse("shared-library").dynamic;
    const needed = rows("-dW", "shared-library", /\(NEEDED\).*\[(.*)\]/).map(([name]) => name);
    expect(library?.needed).toEqual(needed);
    expect([library?.soname, library?.runpath]).toEqual(["libsample.so.1", undefined]);
    expect(workshop.parse("dynamic-pie").dynamic?.runpath).toBe("$ORIGIN/lib");
  });

  test("is absent in a static executable", () => {
    expect(workshop.parse("static").dynamic).toBeUndefined();
  });

  test("gives symbols the versions and libraries of readelf", () => {
    const symbols = workshop.parse("dynamic-pie").dynamicSymbols;
    const puts = symbols.find((symbol) => symbol.name === "puts");
    const [version] = rows("--dyn-syms", "dynamic-pie", /puts@(\S+)/)[0] ?? [];
    expect(puts?.version).toEqual({ name: version, library: "libc.so.6", hidden: false });
    expect(symbols.find((symbol) => symbol.name === "optional_hook")?.version).toBeUndefined();
  });

  test("tells the default version of a symbol from an old one", () => {
    workshop.write("v.c", "int old_f(void){return 1;} int new_f(void){return 2;}\n");
    workshop.write("v.s", ".symver old_f, f@V1\n.symver new_f, f@@V2\n");
    workshop.run("gcc", "-S", "-fPIC", "-o", "v1.s", "v.c");
    workshop.assemble("versioned", workshop.read("v1.s").toString() + workshop.read("v.s").toString());
    workshop.write("v.map", "V1 { global: f; local: *; }; V2 { global: f; } V1;\n");
    workshop.run("gcc", "-shared", "-nostdlib", "-Wl,--version-script=v.map", "-o", "v.so", "versioned.o");
    const versions = workshop.parse("v.so").dynamicSymbols.filter((symbol) => symbol.name === "f");
    expect(versions.map(({ version }) => version)).toEqual(
      expect.arrayContaining([
        { name: "V1", library: undefined, hidden: true },
        { name: "V2", library: undefined, hidden: false },
      ]),
    );
    expect(versions).toHaveLength(2);
  });
});

describe("without section headers", () => {
  test.each(linked)("%s keeps its linkage, dynamic section and TLS", (name) => {
    const before = workshop.parse(name);
    const after = parseElf(withoutSectionHeaders(workshop.read(name)), name);
    expect(after.sections).toEqual([]);
    expect(after.symbols).toEqual([]);
    expect(after.linkage).toBe(before.linkage);
    expect(after.dynamic).toEqual(before.dynamic);
    expect(after.interpreter).toBe(before.interpreter);
    expect(after.tls).toEqual(before.tls);
    expect(after.buildId).toBe(before.buildId);
    expect(after.dynamicRelocations).toEqual(before.dynamicRelocations);
    expect(after.dynamicSymbols.map((symbol) => symbol.name)).toEqual(
      before.dynamicSymbols.map((symbol) => symbol.name),
    );
  });

  test.each(["sysv", "gnu"])("the dynamic symbols are counted by the %s hash table", (style) => {
    const output = `hash-${style}`;
    workshop.assemble("exports", ".globl f, g, h\nf: nop\ng: nop\nh: nop\n");
    workshop.run("gcc", "-shared", "-nostdlib", `-Wl,--hash-style=${style}`, "-o", output, "exports.o");
    const stripped = parseElf(withoutSectionHeaders(workshop.read(output)), output);
    const names = rows("--dyn-syms", output, /^ +\d+: [0-9a-f]{16} +\d+ \w+ +\w+ +\w+ +\w+ ?(.*)$/);
    expect(stripped.dynamicSymbols.map((symbol) => [symbol.name])).toEqual(names);
  });
});
