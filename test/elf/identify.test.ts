// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { identifyInput } from "../../src/elf/identify.js";

const utf8 = (text: string) => new TextEncoder().encode(text);

test.each([
  ["an ELF file", Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2), "elf"],
  ["a cut-off ELF file", Uint8Array.of(0x7f, 0x45, 0x4c, 0x46), "elf"],
  ["an archive", utf8("!<arch>\n"), "archive"],
  ["a thin archive", utf8("!<thin>\nx"), "archive"],
  ["C source", utf8("int main(void)\r\n{\treturn 0;\f}\n"), "text"],
  ["source with characters beyond ASCII", utf8("/* größer */"), "text"],
  ["a file of no bytes", new Uint8Array(0), "empty"],
  ["a gzip file", Uint8Array.of(0x1f, 0x8b, 8, 0), "other"],
  ["text with a NUL byte", utf8("abc\0def"), "other"],
])("%s is told from its first bytes", (_, bytes, kind) => {
  expect(identifyInput(bytes)).toBe(kind);
});
