// SPDX-License-Identifier: MIT
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { allSyscalls } from "../../src/inspect/syscall-names.js";
import { findSource } from "../../src/kernel/source.js";
import { formatNeeds } from "../../src/specialise/document.js";
import { needsJsonSchema, readNeeds } from "../../src/specialise/needs.js";
import { testLimit } from "../support/patience.js";

const table = await readNeeds();
const docs = (name: string) => readFile(new URL(`../../docs/${name}`, import.meta.url), "utf8");

test("docs/kernel-options.md is the table as it is now ('npm run docs')", async () => {
  expect(await docs("kernel-options.md")).toBe(formatNeeds(table));
  expect(JSON.parse(await docs("kernel-needs.schema.json"))).toEqual(needsJsonSchema());
});

test("every call that the kernel can be built without has a row", {
  timeout: testLimit(120_000),
}, async () => {
  const { path } = await findSource("6.12", process.env["UKL_KERNEL_SOURCE"]);
  const args = ["-xOf", path, "--wildcards", "--occurrence=1", "*/kernel/sys_ni.c"];
  const env = { ...process.env, XZ_OPT: "-T0" };
  const text = execFileSync("tar", args, { env, encoding: "utf8", maxBuffer: 2 ** 24 });
  const names = [...text.matchAll(/^COND_SYSCALL\((\w+)\)/gm)].map(([, name]) => name ?? "");
  expect(names.length).toBeGreaterThan(150);
  const ours = new Set(allSyscalls.map(({ name }) => name));
  const known = new Set([...table.needs, ...table.fixed].flatMap(({ calls = [] }) => calls));
  expect(names.filter((name) => ours.has(name) && !known.has(name))).toEqual([]);
});

test("every call of the table is one of x86-64", () => {
  const ours = new Set(allSyscalls.map(({ name }) => name));
  const rows = [...table.needs, ...table.fixed, ...table.withoutNeed];
  const named = rows.flatMap(({ calls = [] }) => calls);
  const unless = table.withoutNeed.flatMap(({ unlessCalls = [] }) => unlessCalls);
  expect([...named, ...unless].filter((name) => !ours.has(name))).toEqual([]);
});
