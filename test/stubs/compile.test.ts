// SPDX-License-Identifier: MIT
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { PF, PT } from "../../src/elf/constants.js";
import { parseElf } from "../../src/elf/file.js";
import { readInput } from "../../src/host/files.js";
import {
  compileCallEntry,
  compileDispatch,
  compileInit,
  readDispatchTemplate,
} from "../../src/stubs/compile.js";
import { renderDispatch } from "../../src/stubs/render.js";
import { parseSyscallTable } from "../../src/stubs/table.js";
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

/** A directory as the cache has it, of a kernel with these options. */
function kernelDirectory(name: string, options: string): string {
  mkdirSync(join(workshop.directory, name));
  workshop.write(join(name, "config"), options);
  return join(workshop.directory, name);
}

const table = parseSyscallTable(
  "0 common read sys_read\n39 common getpid sys_getpid\n101 64 ptrace sys_ptrace\n",
);

async function dispatch(answer: "kernel" | "enosys"): Promise<string> {
  const decisions = new Map([["ptrace", { answer, reason: "a test" }]]);
  return renderDispatch(await readDispatchTemplate(), table, decisions);
}

const plain = { setsAttributes: false };

describe("init", () => {
  test("is a small static executable that needs no loader", async () => {
    const init = await parse(await compileInit("gcc 1", plain));
    expect(init.linkage).toBe("static");
    expect(init.bytes.length).toBeLessThan(16 * 1024);
  });

  test("has no segment that is both writable and executable", async () => {
    const init = await parse(await compileInit("gcc 1", plain));
    const loads = init.segments.filter(({ type }) => type === PT.LOAD);
    expect(loads.length).toBeGreaterThan(0);
    expect(loads.filter(({ flags }) => (flags & PF.W) !== 0 && (flags & PF.X) !== 0)).toEqual([]);
  });

  test("names no directory of this machine", async () => {
    const bytes = await readInput(await compileInit("gcc 1", plain));
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
  const symbolsOf = async (path: string) => {
    const global = (await parse(path)).symbols.filter(({ binding }) => binding !== "local");
    const names = (defined: boolean) =>
      global.filter(({ section }) => (section !== "undefined") === defined).map(({ name }) => name);
    return { defined: names(true), wanted: names(false) };
  };

  test("defines the root of all calls and wants those that are made", async () => {
    const directory = kernelDirectory("table", "CONFIG_SMP=y\nCONFIG_PRINTK=y\n");
    const { defined, wanted } = await symbolsOf(
      await compileDispatch(await dispatch("enosys"), directory, "gcc 1"),
    );
    expect(defined).toEqual(["x64_sys_call"]);
    expect(wanted).toEqual(expect.arrayContaining(["__x64_sys_read", "__x64_sys_getpid", "_printk"]));
    expect(wanted).not.toContain("__x64_sys_ptrace");
  });

  test("wants of a kernel without messages no function for them", async () => {
    const directory = kernelDirectory("silent", "# CONFIG_PRINTK is not set\n");
    const { wanted } = await symbolsOf(await compileDispatch(await dispatch("enosys"), directory, "gcc 1"));
    expect(wanted).not.toContain("_printk");
  });

  test("is another file for another mask", async () => {
    const directory = kernelDirectory("both", "");
    const one = await compileDispatch(await dispatch("enosys"), directory, "gcc 1");
    const two = await compileDispatch(await dispatch("kernel"), directory, "gcc 1");
    expect(one).not.toBe(two);
  });
});

describe("a compiled stub", () => {
  test("is kept, and not compiled again for the same compiler", async () => {
    const path = await compileInit("gcc 1", plain);
    const { mtimeMs, ino } = statSync(path);
    expect(await compileInit("gcc 1", plain)).toBe(path);
    expect(statSync(path)).toMatchObject({ mtimeMs, ino });
    expect(await compileInit("gcc 2", plain)).not.toBe(path);
  });

  test("is the same bytes each time", async () => {
    const first = await readInput(await compileInit("gcc 1", plain));
    vi.stubEnv("XDG_CACHE_HOME", `${cache}-other`);
    expect((await readInput(await compileInit("gcc 1", plain))).equals(first)).toBe(true);
  });

  test("is complete for both of two builds at once, and nothing else is left", async () => {
    const [left, right] = await Promise.all([compileInit("gcc 1", plain), compileInit("gcc 1", plain)]);
    expect(left).toBe(right);
    expect((await parse(left)).linkage).toBe("static");
    expect(readdirSync(join(cache, "uklkit", "stubs"))).toHaveLength(1);
  });

  test("that cannot be kept is UKL-306", async () => {
    writeFileSync(cache, "");
    await expect(compileInit("gcc 1", plain)).rejects.toMatchObject({ code: "UKL-306" });
  });
});
