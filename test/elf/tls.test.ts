// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import { PT } from "../../src/elf/constants.js";
import type { Segment } from "../../src/elf/segments.js";
import { readTls } from "../../src/elf/tls.js";
import { openWorkshop } from "./toolchain.js";

const workshop = openWorkshop();

/**
 * Links a program with a TLS variable `v` and returns it with the constant that ld put into its
 * local-exec code: the distance of `v` from the thread pointer.
 */
function link(align: number, dataSize: number, bssSize: number) {
  const data =
    dataSize === 0 ? "" : `.section .tdata,"awT",@progbits\n.balign ${align}\nv: .fill ${dataSize},1,7\n`;
  const label = dataSize === 0 ? "v:" : "";
  const bss =
    bssSize === 0 ? "" : `.section .tbss,"awT",@nobits\n.balign ${align}\n${label} .zero ${bssSize}\n`;
  workshop.assemble("tls", `.globl _start\n_start: mov $v@tpoff, %rax\n${data}${bss}`);
  workshop.run("ld", "-o", "tls", "tls.o");
  const elf = workshop.parse("tls");
  const code = elf.bytesAt(elf.entry, 7);
  const variable = elf.symbols.find((symbol) => symbol.name === "v");
  if (code === undefined || variable === undefined) throw new Error("no code or no symbol");
  return { elf, variable, linkerOffset: Buffer.from(code).readInt32LE(3) };
}

describe("tpOffset", () => {
  const sizes = [
    [1, 1],
    [4, 0],
    [5, 300],
    [4097, 17],
    [0, 40],
  ] as const;
  const cases = [1, 16, 64, 4096].flatMap((align) => sizes.map(([data, bss]) => [align, data, bss] as const));

  test.each(cases)(
    "is the linker's for alignment %i with %i bytes of .tdata and %i of .tbss",
    (align, data, bss) => {
      const { elf, variable, linkerOffset } = link(align, data, bss);
      expect(elf.tls?.align).toBe(align);
      expect(elf.tls?.filesz).toBe(data);
      // A TLS symbol's value is its offset in the block, and `v` is the first variable.
      expect(Number(variable.value) - (elf.tls?.tpOffset ?? 0)).toBe(linkerOffset);
    },
  );

  test("keeps the start of the block congruent to an address that is not aligned", () => {
    // The distance must be at least 0x10 and leave 8 when the start is taken modulo 64: -56 is 8 modulo 64.
    const segments = [tls({ vaddr: 0x1008n, filesz: 0, memsz: 0x10, align: 64 })];
    expect(readTls(segments, "x")?.tpOffset).toBe(56);
  });

  test("takes alignment 0 as none", () => {
    const segments = [tls({ filesz: 0, memsz: 13, align: 0 })];
    expect(readTls(segments, "x")).toMatchObject({ align: 1, tpOffset: 13 });
  });
});

test("a file without PT_TLS has no TLS segment", () => {
  workshop.assemble("none", ".globl _start\n_start: nop\n");
  workshop.run("ld", "-o", "none", "none.o");
  expect(workshop.parse("none").tls).toBeUndefined();
});

describe("a PT_TLS is refused as UKL-209", () => {
  test.each([
    ["with an alignment that is not a power of two", [load(), tls({ align: 24 })]],
    ["with more bytes than memory", [load(), tls({ filesz: 9, memsz: 8 })]],
    ["when its image is in no PT_LOAD", [tls({})]],
    ["when its image begins before the PT_LOAD", [load(), tls({ offset: 0xff8, vaddr: 0x400ff8n })]],
    ["when its image ends behind the PT_LOAD", [load(), tls({ filesz: 0x201, memsz: 0x201 })]],
  ])("%s", (_, segments) => {
    expect(() => readTls(segments, "x")).toThrow(expect.objectContaining({ code: "UKL-209" }));
  });
});

test("of two PT_TLS the last counts", () => {
  expect(readTls([load(), tls({ memsz: 16 }), tls({ memsz: 64 })], "x")?.memsz).toBe(64);
});

test("a PT_TLS without initialised data needs no PT_LOAD", () => {
  expect(readTls([tls({ filesz: 0, vaddr: 0x900000n })], "x")?.memsz).toBe(32);
});

function segment(type: number, values: Partial<Segment>): Segment {
  return {
    type,
    flags: 4,
    offset: 0x1000,
    vaddr: 0x401000n,
    paddr: 0x401000n,
    filesz: 0x200,
    memsz: 0x200,
    align: 0x1000,
    ...values,
  };
}

function load(): Segment {
  return segment(PT.LOAD, {});
}

function tls(values: Partial<Segment>): Segment {
  return segment(PT.TLS, { filesz: 16, memsz: 32, align: 8, ...values });
}
