// SPDX-License-Identifier: MIT
/** The flat form holds what `objcopy -O binary` makes of the same executable, and readelf reads its headers. */
import { expect, test } from "vitest";
import { parseElf } from "../../src/elf/file.js";
import { flattenExecutable } from "../../src/elf/flat.js";
import { openWorkshop } from "./toolchain.js";

const workshop = openWorkshop();
const alignBytes = 0x200000;

const script = `SECTIONS {
  . = 0x1000000;
  .text : AT(0x1000000) { *(.text) }
  .far 0x400000 : AT(0x1400000) { *(.data) }
  .near 0x7000000 : AT(0x1200000) { *(.rodata) *(.bss) }
}`;

test("every segment lies at its physical address", () => {
  workshop.write("script.lds", script);
  workshop.write(
    "source.c",
    'const char near[] = "near"; char far[] = "far"; char zero[9999]; void _start(void) {}',
  );
  workshop.run(
    "gcc",
    "-nostdlib",
    "-static",
    "-Wl,-T,script.lds,--build-id=none",
    "source.c",
    "-o",
    "many.elf",
  );
  workshop.run("objcopy", "-O", "binary", "many.elf", "many.bin");
  const many = parseElf(workshop.read("many.elf"), "many.elf");
  const flat = flattenExecutable(many, alignBytes);

  const reference = workshop.read("many.bin");
  const contents = flat.subarray(alignBytes);
  expect(contents.subarray(0, reference.length).equals(reference)).toBe(true);
  expect(contents.subarray(reference.length).every((byte) => byte === 0)).toBe(true);

  workshop.write("flat.elf", flat);
  const headers = workshop.run("readelf", "-hlW", "flat.elf");
  expect(headers).toContain(`Entry point address:               0x${many.entry.toString(16)}`);
  const size = `0x${contents.length.toString(16)}`;
  expect(headers.replaceAll(/ +/g, " ")).toContain(
    `LOAD 0x200000 0x0000000001000000 0x0000000001000000 ${size} ${size} RWE 0x200000`,
  );
});
