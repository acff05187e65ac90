// SPDX-License-Identifier: MIT
/** The reference is objdump of binutils, which reads PE files. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeStub, hasEfiHeader } from "../../src/link/efi-header.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
const peAt = 0x40;
const names = [".setup", ".compat", ".text", ".data"];
const stub = {
  data: 0x9000,
  dataEnd: 0x9600,
  end: 0x1_2000,
  efiEntry: 0x1111,
  handoverEntry: 0x2222,
  efi32Entry: 0x3333,
};

/** As arch/x86/boot/header.S makes it, of a kernel with another decompressor: its fields are 0xee. */
function setupWithHeader(): Buffer {
  const setup = Buffer.alloc(0x4000);
  setup.write("MZ", 0, "latin1");
  setup.writeUInt32LE(peAt, 0x3c);
  setup.write("PE\0\0", peAt, "latin1");
  setup.writeUInt16LE(0x8664, peAt + 4);
  setup.writeUInt16LE(names.length, peAt + 6);
  setup.writeUInt16LE(160, peAt + 20);
  setup.writeUInt16LE(0x206, peAt + 22);
  const header = peAt + 24;
  setup.writeUInt16LE(0x20b, header);
  for (const offset of [4, 8, 16, 56]) setup.writeUInt32LE(0xee, header + offset);
  setup.writeUInt32LE(setup.length, header + 20);
  setup.writeUInt32LE(0x1000, header + 32);
  setup.writeUInt32LE(0x200, header + 36);
  setup.writeUInt32LE(0x1000, header + 60);
  setup.writeUInt16LE(10, header + 68);
  setup.writeUInt32LE(6, header + 108);
  for (const [index, name] of names.entries()) {
    const at = header + 160 + index * 40;
    setup.write(name, at, "latin1");
    for (const offset of [8, 16]) setup.writeUInt32LE(0x1000, at + offset);
    for (const offset of [12, 20]) setup.writeUInt32LE(0x1000 * (index + 1), at + offset);
    setup.writeUInt32LE(0x4000_0040, at + 36);
  }
  return setup;
}

test("the header describes the decompressor behind it", () => {
  const setup = setupWithHeader();
  expect(hasEfiHeader(setup)).toBe(true);
  describeStub(setup, stub);
  const path = join(workshop.directory, "setup.efi");
  writeFileSync(path, Buffer.concat([setup, Buffer.alloc(stub.dataEnd)]));
  const text = execFileSync("objdump", ["-h", "-p", path], { encoding: "utf8" });
  const sections = [...text.matchAll(/^ +\d+ (\.\w+) +(\w+) +(\w+) +\w+ +(\w+) /gm)];
  const found = new Map(
    sections.map(([, name, ...numbers]) => [name, numbers.map((each) => parseInt(each, 16))]),
  );
  // Bytes in the file, address, offset in the file.
  expect(found.get(".text")).toEqual([stub.data, 0x4000, 0x4000]);
  expect(found.get(".data")).toEqual([stub.dataEnd - stub.data, 0x4000 + stub.data, 0x4000 + stub.data]);
  expect(found.get(".setup")).toEqual([0x1000, 0x1000, 0x1000]);
  const field = (name: string) => parseInt(new RegExp(`^${name}\\s+(\\w+)`, "m").exec(text)?.[1] ?? "", 16);
  expect(field("AddressOfEntryPoint")).toBe(0x4000 + stub.efiEntry);
  expect(field("SizeOfImage")).toBe(0x4000 + stub.end);
  expect(field("SizeOfCode")).toBe(stub.data);
  expect(field("SizeOfInitializedData")).toBe(stub.end - stub.data);
  // Boot protocol: handover_offset, and the entry of .compat (arch/x86/boot/header.S).
  expect(setup.readUInt32LE(0x264)).toBe(stub.handoverEntry - 0x200);
  expect(setup.readUInt32LE(0x2000 + 4)).toBe(0x4000 + stub.efi32Entry);
});

test("a setup code without it is known", () => {
  const plain = setupWithHeader();
  plain.write("XX", peAt, "latin1");
  for (const setup of [Buffer.alloc(0), Buffer.from("MZ"), Buffer.alloc(4096), plain]) {
    expect(hasEfiHeader(setup)).toBe(false);
  }
  const beyond = setupWithHeader();
  beyond.writeUInt32LE(0xffff_fff0, 0x3c);
  expect(hasEfiHeader(beyond)).toBe(false);
});
