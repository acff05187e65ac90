// SPDX-License-Identifier: MIT
/** Each way a file can be wrong has its code. The files are real ones, damaged at a known place. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type ElfFile, parseElf } from "../../src/elf/file.js";
import { UklError } from "../../src/errors.js";
import { buildSamples, openWorkshop, withoutSectionHeaders } from "./toolchain.js";

const workshop = openWorkshop();

beforeAll(() => {
  buildSamples(workshop);
  workshop.assemble(
    "small",
    '.globl _start\n_start: nop\n.section .tdata,"awT",@progbits\n.balign 16\n.quad 1,2\n.data\n.quad _start\n',
  );
  workshop.run("ld", "-o", "small", "small.o");
  workshop.write("small32.s", ".globl _start\n_start: nop\n");
  workshop.run("as", "--32", "-o", "small32.o", "small32.s");
});

/** The error of reading, or of looking at a part that is read later. */
function errorOf(bytes: Uint8Array, look: (elf: ElfFile) => unknown = () => undefined): UklError | undefined {
  try {
    look(parseElf(bytes, "input"));
    return undefined;
  } catch (error) {
    if (error instanceof UklError) return error;
    throw error;
  }
}

const codeOf = (bytes: Uint8Array, look?: (elf: ElfFile) => unknown) => errorOf(bytes, look)?.code;

/** A copy of a sample with bytes overwritten: [offset, size in bytes, value] each. */
function patched(name: string, ...patches: readonly (readonly [number, number, bigint | number])[]): Buffer {
  const bytes = Buffer.from(workshop.read(name));
  for (const [at, size, value] of patches) {
    for (let i = 0; i < size; i++) bytes[at + i] = Number((BigInt(value) >> BigInt(8 * i)) & 0xffn);
  }
  return bytes;
}

/** File offset of the header of the nth segment of a type, or of the section of a name. */
function segmentHeader(name: string, type: number): number {
  return 64 + 56 * workshop.parse(name).segments.findIndex((segment) => segment.type === type);
}

function sectionHeader(name: string, section: string): number {
  const index = workshop.parse(name).section(section)?.index ?? Number.NaN;
  return Number(workshop.read(name).readBigUInt64LE(40)) + 64 * index;
}

const sectionOffset = (name: string, section: string) => workshop.parse(name).section(section)?.offset ?? 0;
const dynamicEntry = (name: string, tag: number) => {
  const index = workshop.parse(name).dynamic?.entries.findIndex((entry) => entry.tag === tag) ?? -1;
  return sectionOffset(name, ".dynamic") + 16 * index;
};

const LOAD = 1;
const INTERP = 3;
const TLS = 7;

describe("a file that is cut off", () => {
  test.each([
    ["small", "program headers"],
    ["small.o", "section headers"],
  ])("%s gets the code and the name of the first header that is not all there", (name, table) => {
    const bytes = workshop.read(name);
    const end = name === "small" ? 64 + 56 * bytes.readUInt16LE(56) : bytes.length;
    for (let length = 0; length < end; length++) {
      const error = errorOf(bytes.subarray(0, length));
      const [code, header] =
        length < 4
          ? ["UKL-202", "start"]
          : length < 7
            ? ["UKL-203", "identification"]
            : length < 64
              ? ["UKL-203", "ELF header"]
              : ["UKL-203", table];
      expect([length, error?.code]).toEqual([length, code]);
      expect(error?.detail.cause).toContain(header);
    }
    expect(errorOf(bytes)).toBeUndefined();
  });

  test("behind its program headers is read, as Linux maps it", () => {
    const bytes = workshop.read("small");
    for (let length = 64 + 56 * bytes.readUInt16LE(56); length < bytes.length; length++) {
      expect(codeOf(bytes.subarray(0, length), lookAtHints)).toBeUndefined();
    }
  });
});

describe("UKL-202 to UKL-207, UKL-210: the kind of file", () => {
  test.each([
    ["an empty file", () => new Uint8Array(0), "UKL-202"],
    ["a shell script", () => Buffer.from("#!/bin/sh\necho hello\n".repeat(10)), "UKL-202"],
    ["a file of zeros", () => new Uint8Array(4096), "UKL-202"],
    ["a 32-bit object", () => workshop.read("small32.o"), "UKL-204"],
    ["an executable for AArch64", () => patched("static", [18, 2, 183]), "UKL-205"],
    ["an executable for a machine elfy has no name for", () => patched("static", [18, 2, 243]), "UKL-205"],
    ["a big-endian object", () => patched("sample.o", [5, 1, 2]), "UKL-205"],
    ["a core dump", () => patched("static", [16, 2, 4]), "UKL-207"],
    ["a core dump of a 32-bit program", () => patched("small32.o", [16, 2, 4]), "UKL-207"],
    ["a core dump of a big-endian machine", () => patched("static", [5, 1, 2], [16, 2, 0x400]), "UKL-207"],
    [
      "a core dump whose counts are extended, with nonsense in section 0",
      () => patched("static", [16, 2, 4], [40, 8, 0x40], [56, 2, 0xffff], [60, 2, 1]),
      "UKL-207",
    ],
    ["a file of type ET_NONE", () => patched("static", [16, 2, 0]), "UKL-210"],
    ["a file of a type for an operating system", () => patched("static", [16, 2, 0xfe00]), "UKL-210"],
  ])("%s", (_, bytes, code) => {
    expect(codeOf(bytes())).toBe(code);
  });
});

describe("UKL-203, UKL-206: places outside the file", () => {
  const beyond = 0x7fff_ffffn;
  const absurd = 0xffff_ffff_ffff_fff8n;

  test.each([
    ["program headers behind the end", () => patched("static", [32, 8, beyond]), "UKL-203"],
    ["program headers at an absurd offset", () => patched("static", [32, 8, absurd]), "UKL-206"],
    ["section headers at an absurd offset", () => patched("sample.o", [40, 8, absurd]), "UKL-206"],
    ["more section headers than the file has", () => patched("sample.o", [60, 2, 0xfe00]), "UKL-203"],
    [
      "a section behind the end",
      () => patched("sample.o", [sectionHeader("sample.o", ".text") + 24, 8, beyond]),
      "UKL-206",
    ],
    [
      "a section that ends behind the end",
      () =>
        patched("sample.o", [sectionHeader("sample.o", ".text") + 32, 8, workshop.read("sample.o").length]),
      "UKL-206",
    ],
    [
      "a section of absurd size",
      () => patched("sample.o", [sectionHeader("sample.o", ".text") + 32, 8, absurd]),
      "UKL-206",
    ],
  ])("%s", (_, bytes, code) => {
    expect(codeOf(bytes())).toBe(code);
  });

  test.each([
    ["DT_STRTAB", 5],
    ["DT_SYMTAB", 6],
    ["DT_VERSYM", 0x6ffffff0],
    ["DT_VERNEED", 0x6ffffffe],
    ["DT_RELA", 7],
    ["DT_JMPREL", 23],
    ["DT_GNU_HASH", 0x6ffffef5],
  ])("%s outside every segment", (_, tag) => {
    const bytes = withoutSectionHeaders(patched("dynamic", [dynamicEntry("dynamic", tag) + 8, 8, absurd]));
    const code = codeOf(bytes, (elf) => [elf.dynamic, elf.dynamicRelocations, elf.dynamicSymbols]);
    expect(code).toBe("UKL-206");
  });
});

describe("UKL-208: contradictions", () => {
  test.each([
    ["a class that does not exist", () => patched("sample.o", [4, 1, 7])],
    ["a data encoding that does not exist", () => patched("sample.o", [5, 1, 0])],
    ["another ELF version in the identification", () => patched("sample.o", [6, 1, 2])],
    ["another ELF version in the header", () => patched("sample.o", [20, 4, 2])],
    ["a header of another size", () => patched("sample.o", [52, 2, 52])],
    ["program headers of another size", () => patched("static", [54, 2, 32])],
    ["section headers of another size", () => patched("sample.o", [58, 2, 40])],
    ["the names of sections in no section", () => patched("sample.o", [62, 2, 0x1000])],
    ["the names of sections in code", () => patched("sample.o", [62, 2, 1])],
    [
      "a section name outside the names",
      () => patched("sample.o", [sectionHeader("sample.o", ".text"), 4, 0xffffff]),
    ],
    [
      "a section alignment of 24",
      () => patched("sample.o", [sectionHeader("sample.o", ".text") + 48, 8, 24]),
    ],
  ])("%s", (_, bytes) => {
    expect(codeOf(bytes())).toBe("UKL-208");
  });

  type Look = (elf: ElfFile) => unknown;
  const symbols: Look = (elf) => elf.symbols.map((symbol) => symbol.name);
  const relocations: Look = (elf) => elf.relocations.map(({ entries }) => entries);
  const header = (section: string, at: number) => sectionHeader("sample.o", section) + at;
  const inSection = (name: string, section: string, at: number) => sectionOffset(name, section) + at;

  test.each<[string, () => Buffer, Look]>([
    ["symbols of another size", () => patched("sample.o", [header(".symtab", 56), 8, 16]), symbols],
    [
      "a symbol table that ends inside a symbol",
      () => patched("sample.o", [header(".symtab", 32), 8, 40]),
      symbols,
    ],
    [
      "symbols with their names in no section",
      () => patched("sample.o", [header(".symtab", 40), 4, 999]),
      symbols,
    ],
    ["symbols with their names in code", () => patched("sample.o", [header(".symtab", 40), 4, 1]), symbols],
    [
      "a symbol in no section",
      () => patched("sample.o", [inSection("sample.o", ".symtab", 30), 2, 0xfe00]),
      symbols,
    ],
    [
      "a symbol that needs a missing SHT_SYMTAB_SHNDX",
      () => patched("sample.o", [inSection("sample.o", ".symtab", 30), 2, 0xffff]),
      symbols,
    ],
    [
      "a symbol name outside the names",
      () => patched("sample.o", [inSection("sample.o", ".symtab", 24), 4, 0xffffff]),
      symbols,
    ],
    ["names without an end", () => patched("sample.o", [header(".strtab", 32), 8, 3]), symbols],
    [
      "relocations of another size",
      () => patched("sample.o", [header(".rela.text", 56), 8, 16]),
      relocations,
    ],
    [
      "relocations for no section",
      () => patched("sample.o", [header(".rela.text", 44), 4, 999]),
      relocations,
    ],
    [
      "a relocation about no symbol",
      () => patched("sample.o", [inSection("sample.o", ".rela.text", 12), 4, 999]),
      relocations,
    ],
    ["REL relocations", () => patched("sample.o", [header(".rela.text", 4), 4, 9]), relocations],
    [
      "names without DT_STRTAB",
      () => patched("dynamic", [dynamicEntry("dynamic", 5), 8, 0x6000_0000]),
      (elf) => elf.dynamic,
    ],
    [
      "a library name outside the names",
      () => patched("dynamic", [dynamicEntry("dynamic", 1) + 8, 8, 1n << 60n]),
      (elf) => elf.dynamic,
    ],
    [
      "REL relocations for the loader",
      () => patched("dynamic", [dynamicEntry("dynamic", 20) + 8, 8, 17]),
      (elf) => elf.dynamicRelocations,
    ],
    [
      "a loader's relocation about no symbol",
      () => patched("dynamic", [inSection("dynamic", ".rela.dyn", 12), 4, 999]),
      (elf) => elf.dynamicRelocations,
    ],
    [
      "loader's relocations that end inside a record",
      () => patched("dynamic", [dynamicEntry("dynamic", 8) + 8, 8, 40]),
      (elf) => elf.dynamicRelocations,
    ],
  ])("%s", (_, bytes, look) => {
    expect(codeOf(bytes())).toBeUndefined();
    expect(codeOf(bytes(), look)).toBe("UKL-208");
  });
});

/** All that linkers and debuggers look at. */
const lookAtHints = (elf: ElfFile) => [
  ...[elf.symbols.map(({ name }) => name), elf.relocations, elf.notes, elf.buildId, elf.tls],
  ...elf.sections.map((section) => [section.name, elf.sectionBytes(section)]),
];

describe("what Linux does not look at is passed over, and told", () => {
  const section = (name: string, field: number) => sectionHeader("static", name) + field;
  const segment = (type: number, field: number) => segmentHeader("static", type) + field;
  const note = () => sectionOffset("static", ".note.gnu.build-id") + 4;
  const absurd = 0xffff_ffff_ffff_fff8n;
  const tell: readonly [string, () => Buffer][] = [
    ["section headers at an absurd offset", () => patched("static", [40, 8, absurd])],
    ["section headers behind the end", () => patched("static", [40, 8, 0x7fff_ffffn])],
    ["bytes 40 to 47 and 58 to 63 of ff", () => patched("static", [40, 8, -1n], [58, 6, -1n])],
    ["more section headers than the file has", () => patched("static", [60, 2, 0xfe00])],
    ["section headers of no size", () => patched("static", [58, 2, 0])],
    ["the names of sections in no section", () => patched("static", [62, 2, 0x1000])],
    ["a section behind the end", () => patched("static", [section(".text", 24), 8, 0x7fff_ffffn])],
    ["a section of absurd size", () => patched("static", [section(".text", 32), 8, absurd])],
    ["a section alignment of 24", () => patched("static", [section(".text", 48), 8, 24])],
    ["a section name outside the names", () => patched("static", [section(".text", 0), 4, 0xffffff])],
    ["symbols of another size", () => patched("static", [section(".symtab", 56), 8, 16])],
    ["names without an end", () => patched("static", [section(".strtab", 32), 8, 3])],
    ["a symbol in no section", () => patched("static", [sectionOffset("static", ".symtab") + 30, 2, 0xfe00])],
    ["a note longer than its section", () => patched("static", [note(), 4, 0x1000])],
    ["a note of 4 GiB", () => patched("static", [note(), 4, 0xffff_ffff])],
  ];
  const silent: readonly [string, () => Buffer][] = [
    ["no section headers, but a count of them", () => patched("static", [40, 8, 0], [60, 2, 30])],
    ["another class", () => patched("static", [4, 1, 7])],
    ["another data encoding", () => patched("static", [5, 1, 2])],
    ["another version", () => patched("static", [6, 1, 2], [20, 4, 2])],
    ["another size of its header", () => patched("static", [52, 2, 52])],
    ["a PT_LOAD alignment of 24", () => patched("static", [segment(LOAD, 48), 8, 24])],
    ["a note segment of absurd size", () => patched("static", [segment(4, 32), 8, absurd])],
    ["a note segment at an absurd offset", () => patched("static", [segment(4, 8), 8, absurd])],
  ];

  test.each(tell)("%s", (_, make) => {
    const elf = parseElf(make(), "input");
    lookAtHints(elf);
    expect(elf.problems).not.toEqual([]);
    expect(runs(make())).toEqual(runs(workshop.read("static")));
  });

  test.each(silent)("%s: there is nothing to tell", (_, make) => {
    const elf = parseElf(make(), "input");
    lookAtHints(elf);
    expect(elf.problems).toEqual([]);
    expect(runs(make())).toEqual(runs(workshop.read("static")));
  });

  test.each([
    ["an alignment that is not a power of two", 48, 24n],
    ["an alignment near 2^64", 48, 0xffff_ffff_ffff_ffffn],
    ["less memory than bytes", 40, 1n],
    ["an address that no PT_LOAD has", 16, 0x1234n],
  ])("thread variables with %s", (_, field, value) => {
    const elf = parseElf(patched("small", [segmentHeader("small", TLS) + field, 8, value]), "input");
    expect([elf.tls, elf.problems.length]).toEqual([undefined, 1]);
  });

  test("a symbol of an unknown version has none", () => {
    const at = sectionOffset("dynamic", ".gnu.version") + 2;
    const elf = parseElf(patched("dynamic", [at, 2, 77]), "input");
    expect(elf.dynamicSymbols[1]?.version).toBeUndefined();
  });

  test("of two interpreters the first counts", () => {
    const bytes = patched("dynamic", [segmentHeader("dynamic", 4), 4, INTERP]);
    expect(parseElf(bytes, "input").interpreter).toBe("/lib64/ld-linux-x86-64.so.2");
    expect(runs(bytes)).toEqual(runs(workshop.read("dynamic")));
  });
});

/** What a program does here. */
function runs(bytes: Uint8Array): readonly unknown[] {
  workshop.write("variant", bytes);
  workshop.run("chmod", "+x", "variant");
  const { status, signal, stdout } = spawnSync(join(workshop.directory, "variant"), { encoding: "utf8" });
  return [status, signal, stdout];
}

test("every error names the file, a cause and a remedy", () => {
  const error = errorOf(patched("static", [18, 2, 183]));
  expect(error?.detail).toEqual({
    what: "input: the ELF file is for another machine",
    cause: "e_machine is 183 (AArch64), not 62 (x86-64)",
    fix: "build the application for x86-64",
  });
});
