// SPDX-License-Identifier: MIT
/** Accounts of this machine as getent(1) has them, and lines that are none. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { accountId, readAccounts } from "../../src/host/accounts.js";
import { hostView } from "../../src/host/file-view.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

test.each([
  ["user", "passwd"],
  ["group", "group"],
] as const)("every %s of this machine", (kind, database) => {
  const lines = execFileSync("getent", ["-s", "files", database], { encoding: "utf8" }).trimEnd().split("\n");
  const read = readAccounts(hostView, kind).map(({ name, id, further }) => [name, "x", id, ...further]);
  expect(read.map((fields) => fields.join(":"))).toEqual(lines);
});

test("lines without a name or a number are left out", () => {
  const lines = ["first:x:7:70:First", "second:x", "third:x:many", ":x:8:80", "", "last:x:9"];
  mkdirSync(join(workshop.directory, "etc"));
  writeFileSync(join(workshop.directory, "etc/passwd"), lines.join("\n"));
  const view = { locate: (path: string) => join(workshop.directory, path) };
  expect(readAccounts(view, "user")).toEqual([
    { name: "first", id: 7, further: ["70", "First"] },
    { name: "last", id: 9, further: [] },
  ]);
  expect(readAccounts(view, "group")).toEqual([]);
});

test.each(["-1", "1e3", " 1", "12345678901", "", undefined])("%j is no number of an account", (text) => {
  expect(accountId(text)).toBeUndefined();
});
