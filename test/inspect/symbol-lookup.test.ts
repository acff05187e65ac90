// SPDX-License-Identifier: MIT
/** Which definition a reference binds to, held against what ld.so says it binds (LD_DEBUG=bindings). */
import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type Closure, loadClosure } from "../../src/inspect/closure.js";
import { indexSymbols } from "../../src/inspect/symbol-lookup.js";
import { openWorkshop, withoutSectionHeaders } from "../elf/toolchain.js";

const workshop = openWorkshop();
const root = realpathSync(workshop.directory);
const at = (name: string) => join(root, name);

interface Bound {
  readonly from: string;
  readonly to: string;
  readonly name: string;
  readonly version: string | undefined;
}

const copyRelocation = 5;

/** What ld.so binds before it enters the program; the vDSO is in no closure. */
function boundByLoader(path: string, args: readonly string[], libraryPath = ""): Bound[] {
  const env = {
    PATH: "/usr/bin",
    LD_DEBUG: "bindings,files",
    LD_BIND_NOW: "1",
    LD_LIBRARY_PATH: libraryPath,
  };
  const { stderr } = spawnSync(path, args, { encoding: "utf8", env, maxBuffer: 64 << 20 });
  const start = stderr.split(/^ *\d+:\tcalling init: /m)[0] ?? "";
  const pattern = /binding file (\S+) \[0\] to (\S+) \[0\]: \w+ symbol `(.+)'(?: \[(.+)\])?$/gm;
  return [...start.matchAll(pattern)]
    .map(([, from = "", to = "", name = "", version]) => ({ from, to, name, version }))
    .filter(({ from }) => !from.startsWith("linux-vdso"));
}

/** Every line of ld.so that our lookup answers otherwise, and how many there were. */
function compare(closure: Closure, lines: readonly Bound[]): { wrong: unknown[]; count: number } {
  const index = indexSymbols(closure);
  const file = closure.objects[0]?.file;
  const copied = new Set(
    Array.from(file?.dynamicRelocations.symbols ?? [])
      .filter((_, index) => file?.dynamicRelocations.types[index] === copyRelocation)
      .map((symbol) => file?.dynamicSymbols[symbol]?.name),
  );
  const program = closure.objects[0]?.path;
  const wrong = lines.flatMap(({ from, to, name, version }) => {
    const isCopy = from === program && to !== program && copied.has(name);
    const found = index.lookup(name, version, isCopy ? { skip: 0 } : {});
    const ours = closure.objects[found?.object ?? -1]?.path;
    return ours === to ? [] : [{ from, to, name, version, ours }];
  });
  return { wrong, count: lines.length };
}

function compile(output: string, source: string, ...flags: string[]): void {
  workshop.write("input.c", source);
  workshop.run("gcc", "-o", output, "input.c", ...flags);
}

describe("programs of this machine", () => {
  const programs = [
    ["bash", "-c", ":"],
    ["git", "--version"],
    ["curl", "--version"],
    ["sqlite3", "--version"],
    ["gdb", "--version"],
    ["openssl", "version"],
  ];
  // Those that a machine has; bash is one of them everywhere.
  for (const [name = "", ...args] of programs.filter(([program]) => existsSync(`/usr/bin/${program}`))) {
    const path = `/usr/bin/${name}`;
    test(`${name} binds as ld.so binds it`, async () => {
      const { wrong, count } = compare(await loadClosure(path), boundByLoader(path, args));
      expect(wrong).toEqual([]);
      expect(count).toBeGreaterThan(300);
    });
  }

  test.each([
    ["-pie", "-fpie"],
    ["-no-pie", "-fno-pic"],
  ])("a small program with copy relocations, %s", async (...flags) => {
    const source = `#include <stdio.h>
      #include <unistd.h>
      int main(void) { fputs("x", stdout); return environ == 0 || puts("y") < 0; }`;
    compile("small", source, ...flags, "-O1", "-D_GNU_SOURCE");
    expect(workshop.run("readelf", "-rW", "small")).toContain("R_X86_64_COPY");
    const { wrong, count } = compare(await loadClosure(at("small")), boundByLoader(at("small"), []));
    expect(wrong).toEqual([]);
    expect(count).toBeGreaterThan(50);
  });
});

describe("versions", () => {
  const noSections = "stripped/libv.so";

  beforeAll(() => {
    workshop.run("mkdir", "-p", "plain", "versioned", "stripped", "base");
    const shared = ["-shared", "-fPIC", "-Wl,-soname,libv.so"];
    const plain = "int f(void) { return 0; } int g(void) { return 0; } int h(void) { return 0; }";
    compile("plain/libv.so", plain, ...shared);
    // f: two versions; g: two old ones and none for new links; h: one, added later.
    workshop.write("map", "V1 { global: f; g; local: *; }; V2 { global: f; g; } V1; V3 { global: h; } V2;");
    const versioned = `
      __asm__(".symver f1,f@V1"); __asm__(".symver f2,f@@V2");
      __asm__(".symver g1,g@V1"); __asm__(".symver g2,g@V2");
      int f1(void) { return 1; } int f2(void) { return 2; }
      int g1(void) { return 1; } int g2(void) { return 2; }
      int h(void) { return 3; }`;
    compile("versioned/libv.so", versioned, ...shared, "-Wl,--version-script=map");
    workshop.write(noSections, withoutSectionHeaders(workshop.read("versioned/libv.so")));
    // Versions for one symbol, the base version for another.
    workshop.write("base-map", "V1 { global: f; };");
    compile(
      "base/libv.so",
      `${plain} int (*call_g(void))(void) { return g; }`,
      ...shared,
      "-Wl,--version-script=base-map",
    );
    const main = "int f(void); int g(void); int h(void); int main(void) { return f() * 9 + h(); }";
    compile("old", main, "-Wl,-rpath,plain", "-Lplain", "-lv");
    compile("new", main, "-Lversioned", "-lv");
    compile(
      "weak",
      "extern int nowhere(void) __attribute__((weak)); int main(void) { return nowhere != 0; }",
    );
  });

  /** The values are the functions' addresses, which tell the versions of one name apart. */
  const addressOf = (name: string) =>
    BigInt(
      `0x${/^([0-9a-f]+)/m.exec(workshop.run("sh", "-c", `nm versioned/libv.so | grep ' ${name}$'`))?.[1]}`,
    );

  test.each(["versioned", "stripped"])(
    "each version has its own definition, in %s/libv.so",
    async (directory) => {
      const index = indexSymbols(await loadClosure(at("new"), { libraryPath: [at(directory)] }));
      expect(index.lookup("f", "V1")?.symbol.value).toBe(addressOf("f1"));
      expect(index.lookup("f", "V2")?.symbol.value).toBe(addressOf("f2"));
      expect(index.lookup("g", "V2")?.symbol.value).toBe(addressOf("g2"));
      expect(index.lookup("f", "V3")).toBeUndefined();
    },
  );

  // The program's exit status shows which f and h ld.so took: f * 9 + h.
  test("without a version the oldest is bound, as by ld.so, and the newest for dlsym", async () => {
    const env = { LD_LIBRARY_PATH: at("versioned") };
    expect(spawnSync(at("old"), { env }).status).toBe(1 * 9 + 3);
    expect(spawnSync(at("new"), { env }).status).toBe(2 * 9 + 3);
    const closure = await loadClosure(at("old"), { libraryPath: [at("versioned")] });
    const index = indexSymbols(closure);
    expect(index.lookup("f", undefined)?.symbol.value).toBe(addressOf("f1"));
    expect(index.lookup("f", undefined, { newest: true })?.symbol.value).toBe(addressOf("f2"));
    expect(index.lookup("g", undefined, { newest: true })).toBeUndefined();
    expect(index.lookup("h", undefined)?.symbol.value).toBe(addressOf("h"));
  });

  test.each([
    ["old", "versioned"],
    ["new", "versioned"],
    ["old", "base"],
    ["old", "plain"],
  ])("%s with %s/libv.so binds as ld.so binds it", async (program, directory) => {
    const closure = await loadClosure(at(program), { libraryPath: [at(directory)] });
    const lines = boundByLoader(at(program), [], at(directory));
    const names = lines.filter(({ from }) => from === at(program)).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["f", "h"]));
    expect(compare(closure, lines).wrong).toEqual([]);
  });

  test("a library without versions satisfies any", async () => {
    const index = indexSymbols(await loadClosure(at("new"), { libraryPath: [at("plain")] }));
    expect(index.lookup("f", "V2")?.symbol.name).toBe("f");
  });

  test("the base version is none", async () => {
    const index = indexSymbols(await loadClosure(at("old"), { libraryPath: [at("base")] }));
    const bound = index.lookup("g", undefined);
    expect(bound?.symbol.version?.name).toBe("libv.so");
    const addressOf = (version?: string) => index.lookup("g", version)?.symbol.value;
    expect(bound?.symbol.name).toBe("g");
    expect(addressOf(bound?.symbol.version?.name)).toBe(bound?.symbol.value);
    expect(addressOf("V7")).toBe(bound?.symbol.value);
    // An object that refers to its own symbol by the base version can be bound to one of a version elsewhere.
    expect(index.lookup("f", "libv.so")?.symbol.version?.name).toBe("V1");
    expect(index.lookup("f", "V7")).toBeUndefined();
  });

  test("what nothing defines is undefined: weak references too", async () => {
    const index = indexSymbols(await loadClosure(at("weak")));
    expect(index.lookup("nowhere", undefined)).toBeUndefined();
    expect(index.lookup("constructor", undefined)).toBeUndefined();
  });
});

test("local and hidden symbols are not found, and the first definition in breadth first order is", async () => {
  workshop.run("mkdir", "-p", "scope");
  const shared = ["-shared", "-fPIC"];
  const hidden = `static int quiet(void) { return 1; }
    __attribute__((visibility("hidden"))) int secret(void) { return quiet(); }
    __attribute__((visibility("protected"))) int open_one(void) { return secret(); }
    int both(void) { return 1; }`;
  compile("scope/libdeep.so", `${hidden} int deep(void) { return 2; }`, ...shared);
  compile(
    "scope/libfirst.so",
    "int deep(void); int first(void) { return deep(); }",
    ...shared,
    "-Lscope",
    "-ldeep",
  );
  compile("scope/libsecond.so", "int both(void) { return 2; } int second(void) { return 1; }", ...shared);
  const main =
    "int first(void); int second(void); int both(void); int main(void) { return first() + second() + both(); }";
  const flags = [
    "-Wl,-rpath,$ORIGIN,--disable-new-dtags,-rpath-link,scope",
    "-Lscope",
    "-lfirst",
    "-lsecond",
  ];
  compile("scope/program", main, ...flags);
  const closure = await loadClosure(at("scope/program"));
  const index = indexSymbols(closure);
  const where = (name: string) => closure.objects[index.lookup(name, undefined)?.object ?? -1]?.name;
  expect(["both", "deep", "open_one", "secret", "quiet"].map(where)).toEqual([
    "libsecond.so",
    "libdeep.so",
    "libdeep.so",
    undefined,
    undefined,
  ]);
  expect(compare(closure, boundByLoader(at("scope/program"), [])).wrong).toEqual([]);
});

test("musl's loader is its libc", async () => {
  workshop.write("main.c", '#include <stdio.h>\nint main(void) { return puts("x") < 0; }');
  workshop.run("musl-gcc", "-o", "musl-program", "main.c");
  const closure = await loadClosure(at("musl-program"));
  const bound = indexSymbols(closure).lookup("puts", undefined);
  expect(closure.objects[bound?.object ?? -1]?.path).toBe("/lib/ld-musl-x86_64.so.1");
});
