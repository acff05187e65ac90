// SPDX-License-Identifier: MIT
/** What a program loads, held against ldd and against ld.so itself. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { UklError } from "../../src/errors.js";
import { type Closure, type ClosureOptions, extendClosure, loadClosure } from "../../src/inspect/closure.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
const root = realpathSync(workshop.directory);
const at = (name: string) => join(root, name);

/** "name => path", "path" or "name => not found", in the order of ldd. */
function ldd(path: string, libraryPath = ""): string[] {
  const env = { ...process.env, LC_ALL: "C", LD_LIBRARY_PATH: libraryPath };
  const { stdout } = spawnSync("ldd", [path], { encoding: "utf8", env });
  return stdout
    .split("\n")
    .map((line) => line.trim().replace(/ \(0x[0-9a-f]+\)$/, ""))
    .filter((line) => line !== "" && !line.startsWith("linux-vdso"))
    .map((line) => line.replace(/^.* => (?=\/)/, ""));
}

function asLdd({ objects, missing }: Closure): string[] {
  const found = objects.slice(1).map(({ path }) => path);
  return [...found, ...new Set(missing.map(({ name }) => `${name} => not found`))];
}

/** ldd lists what is missing where it was asked for; here it is apart. */
function missingLast(lines: readonly string[]): string[] {
  const isMissing = (line: string) => line.endsWith("not found");
  return [...lines.filter((line) => !isMissing(line)), ...lines.filter(isMissing)];
}

async function expectAsLdd(path: string, options: ClosureOptions = {}): Promise<Closure> {
  const closure = await loadClosure(path, options);
  const expected = missingLast(ldd(path, options.libraryPath?.join(":")));
  expect(expected).not.toHaveLength(0);
  expect(asLdd(closure)).toEqual(expected);
  return closure;
}

/** The status with which a program ends; 127 when ld.so refuses to start it. */
function statusOf(path: string, libraryPath = ""): number | null {
  return spawnSync(path, { env: { LD_LIBRARY_PATH: libraryPath }, timeout: 5000 }).status;
}

function compile(output: string, source: string, ...flags: string[]): void {
  workshop.run("mkdir", "-p", dirname(at(output)));
  workshop.write("input.c", source);
  workshop.run("gcc", "-o", output, "input.c", ...flags);
}

/** A library NAME.so in a directory, which returns `value` from NAME(). */
function library(directory: string, name: string, value: number, ...flags: string[]): void {
  const source = `int ${name}(void) { return ${value}; }`;
  compile(`${directory}/lib${name}.so`, source, "-shared", "-fPIC", `-Wl,-soname,lib${name}.so`, ...flags);
}

/** A program that returns what `one` of libone.so does. */
function program(output: string, searchPath: string, ...flags: string[]): void {
  const path = searchPath === "" ? [] : [`-Wl,-rpath,${searchPath}`];
  compile(output, "int one(void); int main(void) { return one(); }", ...path, "-Lstubs", "-lone", ...flags);
}

const oldTags = "-Wl,--disable-new-dtags";

beforeAll(() => {
  library("stubs", "one", 0);
  library("stubs", "two", 0);
});

describe("programs of this machine", () => {
  const cc1 = spawnSync("gcc", ["-print-prog-name=cc1"], { encoding: "utf8" }).stdout.trim();
  const names = ["bash", "git", "curl", "perl", "openssl", "gdb", "sqlite3", "python3"].map(
    (name) => `/usr/bin/${name}`,
  );
  // Those that a machine has; the compiler is one of them everywhere.
  for (const path of [...names.filter(existsSync), cc1]) {
    test(`${path} loads what ldd lists, in its order`, async () => {
      const { objects, missing } = await expectAsLdd(path);
      expect(missing).toEqual([]);
      expect(objects[0]?.reason).toBe("program");
      const interpreters = objects.filter(({ reason }) => reason === "interpreter");
      expect(interpreters.map(({ path }) => path)).toEqual(["/lib64/ld-linux-x86-64.so.2"]);
    });
  }

  test("a static program is alone", async () => {
    compile("static", "int main(void) { return 0; }", "-static");
    compile("static-pie", "int main(void) { return 0; }", "-static-pie");
    for (const name of ["static", "static-pie"]) {
      const { objects, missing } = await loadClosure(at(name));
      expect(objects.map(({ reason }) => reason)).toEqual(["program"]);
      expect(missing).toEqual([]);
    }
  });

  test("a library as target has an interpreter only where it is needed", async () => {
    const libc = realpathSync("/lib/x86_64-linux-gnu/libc.so.6");
    const own = await loadClosure(libc);
    expect(own.objects.map(({ name, reason }) => [name, reason])).toEqual([
      ["libc.so.6", "program"],
      ["ld-linux-x86-64.so.2", "interpreter"],
    ]);
    library("alone", "one", 1, "-nostdlib");
    expect((await loadClosure(at("alone/libone.so"))).objects).toHaveLength(1);
    const z = await loadClosure("/lib/x86_64-linux-gnu/libz.so.1");
    const real = (paths: string[]) => paths.map((path) => realpathSync(path));
    expect(real(asLdd(z))).toEqual(real(ldd("/lib/x86_64-linux-gnu/libz.so.1")));
    expect(z.objects.at(-1)?.reason).toBe("interpreter");
  });

  test("a program that needs no library still has its interpreter, last and needed by none", async () => {
    compile("bare", "void _start(void) {}", "-nostdlib", "-pie", "-Wl,-I/lib64/ld-linux-x86-64.so.2");
    const { objects } = await loadClosure(at("bare"));
    expect(objects.map(({ reason, neededBy }) => [reason, neededBy])).toEqual([
      ["program", undefined],
      ["interpreter", undefined],
    ]);
  });

  test("a file that cannot be read is UKL-201, and one that is no program UKL-202", async () => {
    workshop.write("text", "#!/bin/sh\n");
    await expect(loadClosure(at("nowhere"))).rejects.toMatchObject({ code: "UKL-201" });
    await expect(loadClosure(at("text"))).rejects.toMatchObject({ code: "UKL-202" });
  });
});

describe("search paths", () => {
  beforeAll(() => {
    library("needs/lib", "two", 2);
    const body = "int two(void); int one(void) { return two(); }";
    compile("needs/lib/libone.so", body, "-shared", "-fPIC", "-Wl,-soname,libone.so", "-Lstubs", "-ltwo");
    for (const [index, directory] of ["first", "second", "third"].entries()) {
      library(directory, "one", index + 1);
    }
  });

  const unresolved = "-Wl,--unresolved-symbols=ignore-in-shared-libs";

  test("DT_RUNPATH is for the object itself", async () => {
    program("needs/runpath", "$ORIGIN/lib", "-Wl,--enable-new-dtags", unresolved);
    const { missing } = await expectAsLdd(at("needs/runpath"));
    expect(missing).toEqual([{ name: "libtwo.so", neededBy: "libone.so" }]);
  });

  test("DT_RPATH is for what the object loads, too", async () => {
    program("needs/rpath", "$ORIGIN/lib", oldTags, unresolved);
    const { objects } = await expectAsLdd(at("needs/rpath"));
    expect(objects.map(({ name }) => name)).toContain("libtwo.so");
    expect(statusOf(at("needs/rpath"))).toBe(2);
  });

  test.each([
    { tags: oldTags, libraryPath: [at("second")], status: 1 },
    { tags: "-Wl,--enable-new-dtags", libraryPath: [at("second")], status: 2 },
    { tags: "-Wl,--enable-new-dtags", libraryPath: [], status: 1 },
    { tags: "-Wl,--enable-new-dtags", libraryPath: [at("nowhere"), at("third/")], status: 3 },
  ])("LD_LIBRARY_PATH $libraryPath with $tags", async ({ tags, libraryPath, status }) => {
    program("order", at("first"), tags);
    await expectAsLdd(at("order"), { libraryPath });
    expect(statusOf(at("order"), libraryPath.join(":"))).toBe(status);
  });

  /** What the loader of this host says of its processor; the kernel's word where it does not. */
  const diagnostics = execFileSync("/lib64/ld-linux-x86-64.so.2", ["--list-diagnostics"], {
    encoding: "latin1",
  });
  const platform = /^dl_platform="(\w+)"$/m.exec(diagnostics)?.[1] ?? "x86_64";

  test.each([
    ["$ORIGIN/../first", 1],
    [`\${ORIGIN}/../second`, 2],
    ["$ORIGIN/$PLATFORM", 4],
    [`$ORIGIN/\${LIB}`, 5],
    ["$ORIGINAL:$ORIGIN/../third", 3],
    ["/nowhere:$ORIGIN/../first//", 1],
  ])("%s", async (searchPath, status) => {
    library(`bin/${platform}`, "one", 4);
    library("bin/lib/x86_64-linux-gnu", "one", 5);
    program("bin/tokens", searchPath);
    await expectAsLdd(at("bin/tokens"));
    expect(statusOf(at("bin/tokens"))).toBe(status);
  });

  test("$ORIGIN of a program is where it is, and that of a library where it was found", async () => {
    workshop.run("mkdir", "-p", "elsewhere", "farm");
    // The library is a link to a place that has no libtwo.so; what it needs lies beside the link.
    const body = "int two(void); int one(void) { return two() + 1; }";
    const flags = ["-shared", "-fPIC", "-Wl,-soname,libone.so,-rpath,$ORIGIN", "-Lstubs", "-ltwo"];
    compile("elsewhere/libone.so", body, ...flags);
    workshop.run("ln", "-sf", "../elsewhere/libone.so", "farm/libone.so");
    library("farm", "two", 2);
    program("farm/program", "$ORIGIN", unresolved);
    workshop.run("ln", "-sf", "../farm/program", "elsewhere/program");
    const { objects } = await loadClosure(at("elsewhere/program"));
    const paths = objects.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining([at("farm/libone.so"), at("farm/libtwo.so")]));
    expect(statusOf(at("elsewhere/program"))).toBe(3);
  });

  test("a library named with a slash is not searched for", async () => {
    compile("direct/libone.so", "int one(void) { return 6; }", "-shared", "-fPIC");
    const source = "int one(void); int main(void) { return one(); }";
    compile("direct/program", source, at("direct/libone.so"));
    await expectAsLdd(at("direct/program"));
  });

  test("a file with two names is loaded once", async () => {
    compile("twice/liba.so", "int one(void) { return 7; }", "-shared", "-fPIC");
    workshop.run("cp", "twice/liba.so", "twice/libb.so");
    const source = "int one(void); int main(void) { return one(); }";
    compile("twice/program", source, "-Wl,--no-as-needed,-rpath,$ORIGIN", "-Ltwice", "-la", "-lb");
    workshop.run("ln", "-sf", "liba.so", "twice/libb.so");
    const { objects } = await expectAsLdd(at("twice/program"));
    expect(objects[0]?.needed.slice(0, 2)).toEqual(["liba.so", "libb.so"]);
    expect(objects.filter(({ path }) => path.startsWith(root))).toHaveLength(2);
  });
});

describe("files that are no libraries", () => {
  /** Spoils what is found first; a sound library comes second. */
  function spoil(write: (path: string) => void): string {
    workshop.run("rm", "-rf", "spoilt");
    library("spoilt", "one", 8);
    library("sound", "one", 9);
    program("chooser", `${at("spoilt")}:${at("sound")}`);
    write("spoilt/libone.so");
    return at("chooser");
  }

  function replaceBy(tool: string, path: string): void {
    workshop.run("rm", path);
    workshop.run(tool, path);
  }

  const patch = (offset: number, value: number) => (path: string) => {
    const bytes = workshop.read(path);
    bytes[offset] = value;
    workshop.write(path, bytes);
  };

  test.each([
    ["of 32 bits", patch(4, 1)],
    ["of another machine", patch(18, 40)],
  ])("one %s is passed over, as by ld.so", async (_, write) => {
    const path = spoil(write);
    expect(statusOf(path)).toBe(9);
    await expectAsLdd(path);
  });

  test.each<[string, (path: string) => void]>([
    ["a text", (path) => workshop.write(path, "GROUP ( libone.so.1 )\n".repeat(80))],
    ["an object file", (path) => workshop.run("gcc", "-c", "-o", path, "input.c")],
    ["a program", (path) => workshop.run("gcc", "-pie", "-o", path, "-x", "c", at("main.c"))],
    ["a directory", (path) => replaceBy("mkdir", path)],
  ])("%s ends the search, as in ld.so", async (_, write) => {
    workshop.write("main.c", "int main(void) { return 0; }");
    const path = spoil(write);
    expect(statusOf(path)).toBe(127);
    expect((await loadClosure(path)).missing).toEqual([{ name: "libone.so", neededBy: "chooser" }]);
  });

  test("a FIFO does not block", async () => {
    const path = spoil((name) => replaceBy("mkfifo", name));
    expect((await loadClosure(path)).missing).toHaveLength(1);
  });

  test("what is nowhere is missing, with who needs it", async () => {
    program("lost", "");
    const { missing } = await expectAsLdd(at("lost"));
    expect(missing).toEqual([{ name: "libone.so", neededBy: "lost" }]);
  });
});

describe("hostile programs", () => {
  test("names times directories are limited", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `n${index}`);
    for (const name of names) library("many", name, 0, "-nostdlib");
    const directories = Array.from({ length: 17_000 }, (_, index) => index).join(":");
    const flags = [`-Wl,--no-as-needed,-rpath,${directories}`, "-Lmany", ...names.map((name) => `-l${name}`)];
    compile("many/program", "int main(void) { return 0; }", ...flags);
    await expect(loadClosure(at("many/program"))).rejects.toMatchObject({ code: "UKL-208" });
  });

  test("whatever the bytes of the dynamic section are, the answer is a closure or an UklError", async () => {
    program("sound-program", at("first"));
    const sound = workshop.read("sound-program");
    const dynamic = workshop.parse("sound-program").segments.find(({ type }) => type === 2);
    const outcomes = new Set<string>();
    for (let step = 0; step < (dynamic?.filesz ?? 0); step += 3) {
      const bytes = Buffer.from(sound);
      bytes[(dynamic?.offset ?? 0) + step] = (step * 37 + 11) & 0xff;
      workshop.write("damaged", bytes);
      const result = await loadClosure(at("damaged")).catch((error: unknown) => error);
      outcomes.add(result instanceof Error ? "error" : "closure");
      if (result instanceof Error) expect(result).toBeInstanceOf(UklError);
    }
    expect([...outcomes].sort()).toEqual(["closure", "error"]);
  });
});

describe("objects that are loaded later", () => {
  const base = "/usr/bin/true";

  test("come behind the others, with what they need and without what is there", async () => {
    const closure = await loadClosure(base);
    const extended = await extendClosure(
      closure,
      ["libstdc++.so.6", "libc.so.6", "libstdc++.so.6"],
      "dlopen",
    );
    expect(extended.objects.slice(0, closure.objects.length)).toEqual(closure.objects);
    const added = extended.objects.slice(closure.objects.length);
    expect(new Set(added.map(({ reason }) => reason))).toEqual(new Set(["dlopen"]));
    const library = added[0]?.path ?? "";
    const needs = ldd(library).map((path) => realpathSync(path));
    const there = closure.objects.map(({ path }) => realpathSync(path));
    expect(added.slice(1).map(({ path }) => realpathSync(path))).toEqual(
      needs.filter((path) => !there.includes(path)),
    );
  });

  test("may be missing, and leave the first closure as it was", async () => {
    const closure = await loadClosure(base);
    const extended = await extendClosure(closure, ["libnss_nowhere.so.2"], "nss");
    expect(extended.missing).toEqual([{ name: "libnss_nowhere.so.2", neededBy: "libc.so.6" }]);
    expect(closure.missing).toEqual([]);
    const gconv = "/usr/lib/x86_64-linux-gnu/gconv/ISO8859-1.so";
    const module = await extendClosure(extended, [gconv], "gconv");
    expect(module.objects.at(-1)).toMatchObject({ path: gconv, reason: "gconv" });
    expect(module.missing).toEqual(extended.missing);
  });

  test("make an interpreter needed that was not", async () => {
    const closure = await loadClosure(at("bare"));
    const { objects } = await extendClosure(closure, ["libc.so.6"], "dlopen");
    expect(objects.map(({ name, neededBy }) => [name, neededBy])).toEqual([
      ["bare", undefined],
      ["ld-linux-x86-64.so.2", 2],
      ["libc.so.6", 0],
    ]);
  });
});

describe("musl", () => {
  /** What musl's loader lists: "name => path", its own names included. */
  const list = (path: string, libraryPath = "") =>
    spawnSync("/lib/ld-musl-x86_64.so.1", ["--list", path], {
      encoding: "utf8",
      env: { LD_LIBRARY_PATH: libraryPath },
    })
      .stdout.split("\n")
      .flatMap((line) => /=> (\S+)/.exec(line)?.[1] ?? []);

  beforeAll(() => {
    workshop.run("mkdir", "-p", "musl/lib", "musl/other");
    workshop.write("two.c", "int two(void) { return 2; }");
    workshop.write("one.c", "int two(void); int one(void) { return two(); }");
    workshop.write("main.c", "int one(void); int main(void) { return one(); }");
    const shared = ["-shared", "-fPIC", "-o"];
    workshop.run("musl-gcc", ...shared, "musl/lib/libtwo.so", "two.c");
    workshop.run("musl-gcc", ...shared, "musl/lib/libone.so", "one.c", "-Lmusl/lib", "-ltwo");
    const flags = ["-Wl,-rpath,$ORIGIN/lib,-rpath-link,musl/lib", "-Lmusl/lib", "-lone"];
    workshop.run("musl-gcc", "-o", "musl/program", "main.c", ...flags);
    workshop.run("cp", "musl/lib/libtwo.so", "musl/other");
  });

  test.each([[[]], [[at("musl/other")]]])(
    "the search path is inherited; LD_LIBRARY_PATH %s",
    async (paths) => {
      const { objects, missing } = await loadClosure(at("musl/program"), { libraryPath: paths });
      const expected = new Set(list(at("musl/program"), paths.join(":")));
      expect(new Set(objects.slice(1).map(({ path }) => path))).toEqual(expected);
      expect(missing).toEqual([]);
      expect(objects.filter(({ reason }) => reason === "interpreter")).toHaveLength(1);
      expect(statusOf(at("musl/program"), paths.join(":"))).toBe(2);
    },
  );

  test("a library as target", async () => {
    const { objects, missing } = await loadClosure(at("musl/lib/libtwo.so"));
    expect(objects.map(({ path }) => path)).toEqual([at("musl/lib/libtwo.so"), "/lib/ld-musl-x86_64.so.1"]);
    expect(missing).toEqual([]);
  });
});
