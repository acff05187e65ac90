// SPDX-License-Identifier: MIT
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { PF, PT } from "../../src/elf/constants.js";
import { parseElf } from "../../src/elf/file.js";
import { readInput } from "../../src/host/files.js";
import { compileCallEntry, compileDispatch, compileInit } from "../../src/stubs/compile.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
let count = 0;
let cache: string;

beforeEach(() => {
  count += 1;
  cache = join(workshop.directory, `cache-${count}`);
  vi.stubEnv("XDG_CACHE_HOME", cache);
});

afterEach(() => void vi.unstubAllEnvs());

const parse = async (path: string) => parseElf(await readInput(path), path);

/** A kernel's generated table with these entries, in a directory as the cache has it. */
function kernelDirectory(name: string, calls: Readonly<Record<number, string>>): string {
  mkdirSync(join(workshop.directory, name));
  const lines = Object.entries(calls).map(([number, call]) => `__SYSCALL(${number}, ${call})\n`);
  workshop.write(join(name, "syscalls_64.h"), lines.join(""));
  return join(workshop.directory, name);
}

describe("init", () => {
  test("is a small static executable that needs no loader", async () => {
    const init = await parse(await compileInit("gcc 1"));
    expect(init.linkage).toBe("static");
    expect(init.bytes.length).toBeLessThan(16 * 1024);
  });

  test("has no segment that is both writable and executable", async () => {
    const init = await parse(await compileInit("gcc 1"));
    const loads = init.segments.filter(({ type }) => type === PT.LOAD);
    expect(loads.length).toBeGreaterThan(0);
    expect(loads.filter(({ flags }) => (flags & PF.W) !== 0 && (flags & PF.X) !== 0)).toEqual([]);
  });

  test("names no directory of this machine", async () => {
    const bytes = await readInput(await compileInit("gcc 1"));
    expect(bytes.includes(process.cwd())).toBe(false);
    expect(bytes.includes(cache)).toBe(false);
  });
});

test("the call entry of ring 3 is an object that defines ukl_syscall", async () => {
  const object = await parse(await compileCallEntry());
  expect(object.linkage).toBe("relocatable");
  const defined = object.symbols.filter(
    ({ binding, section }) => binding === "global" && section !== "undefined",
  );
  expect(defined.map(({ name }) => name)).toEqual(["ukl_syscall"]);
});

describe("the system call dispatch", () => {
  test("defines the root of all calls and wants the calls of the kernel's table", async () => {
    const directory = kernelDirectory("table", { 0: "sys_read", 1: "sys_write", 39: "sys_getpid" });
    const object = await parse(await compileDispatch(directory, "gcc 1"));
    const global = object.symbols.filter(({ binding }) => binding !== "local");
    const defined = global.filter(({ section }) => section !== "undefined").map(({ name }) => name);
    const wanted = global.filter(({ section }) => section === "undefined").map(({ name }) => name);
    expect(defined).toContain("x64_sys_call");
    expect(wanted).toEqual(expect.arrayContaining(["__x64_sys_read", "__x64_sys_write", "__x64_sys_getpid"]));
  });

  test("is another file for another table", async () => {
    const one = await compileDispatch(kernelDirectory("one", { 0: "sys_read" }), "gcc 1");
    const two = await compileDispatch(kernelDirectory("two", { 1: "sys_write" }), "gcc 1");
    expect(one).not.toBe(two);
  });
});

describe("a compiled stub", () => {
  test("is kept, and not compiled again for the same compiler", async () => {
    const path = await compileInit("gcc 1");
    const { mtimeMs, ino } = statSync(path);
    expect(await compileInit("gcc 1")).toBe(path);
    expect(statSync(path)).toMatchObject({ mtimeMs, ino });
    expect(await compileInit("gcc 2")).not.toBe(path);
  });

  test("is the same bytes each time", async () => {
    const first = await readInput(await compileInit("gcc 1"));
    vi.stubEnv("XDG_CACHE_HOME", `${cache}-other`);
    expect((await readInput(await compileInit("gcc 1"))).equals(first)).toBe(true);
  });

  test("is complete for both of two builds at once, and nothing else is left", async () => {
    const [left, right] = await Promise.all([compileInit("gcc 1"), compileInit("gcc 1")]);
    expect(left).toBe(right);
    expect((await parse(left)).linkage).toBe("static");
    expect(readdirSync(join(cache, "uklkit", "stubs"))).toHaveLength(1);
  });

  test("that cannot be kept is UKL-306", async () => {
    writeFileSync(cache, "");
    await expect(compileInit("gcc 1")).rejects.toMatchObject({ code: "UKL-306" });
  });
});
