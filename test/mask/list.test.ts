// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { expect, test } from "vitest";
import { readCallList } from "../../src/mask/list.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

function file(content: string): string {
  workshop.write("list", content);
  return join(workshop.directory, "list");
}

test.each([
  ["a JSON list", '["read", "write"]'],
  ["names in lines", "read\nwrite\n"],
  [
    "a trace, of which 32-bit calls are no calls of x86-64",
    JSON.stringify({
      schemaVersion: 1,
      program: { path: "/bin/p", sha256: "0".repeat(64) },
      runs: 1,
      calls: [
        { name: "read", abi: "x86-64", count: 3 },
        { name: "socketcall", abi: "i386", count: 1 },
        { name: "write", abi: "x86-64", count: 1 },
      ],
      loadedLater: [],
      executed: [],
    }),
  ],
])("%s is read", async (_, text) => {
  const path = file(text);
  expect(await readCallList(path)).toEqual({ path, names: ["read", "write"] });
});

test.each([
  ["an empty file", ""],
  ["other JSON", '{ "calls": 1 }'],
  ["an empty list", "[]"],
  ["a binary", "\x7fELF\x02\x01"],
])("%s is UKL-113", async (_, text) => {
  await expect(readCallList(file(text))).rejects.toMatchObject({ code: "UKL-113" });
});

test("a file that is not there is UKL-201", async () => {
  await expect(readCallList("/nowhere/list")).rejects.toMatchObject({ code: "UKL-201" });
});
