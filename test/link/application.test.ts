// SPDX-License-Identifier: MIT
/** Real compilations and links that succeed or fail; what users are told names their files alone. */
import { mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { parseElf } from "../../src/elf/file.js";
import { UklError } from "../../src/errors.js";
import { readInput, withScratchDirectory } from "../../src/host/files.js";
import { type ApplicationSources, diagnoseLink, linkApplication } from "../../src/link/application.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

/** The path of a file of the workshop as a user in the current directory writes it. */
function user(name: string): string {
  return relative(process.cwd(), join(workshop.directory, name));
}

/** Writes C source and returns its path. */
function source(name: string, text: string): string {
  mkdirSync(join(workshop.directory, name, ".."), { recursive: true });
  workshop.write(name, text);
  return user(name);
}

/** Compiles C source beforehand, as a user's own build would have, and returns the object's path. */
function object(name: string, text: string, ...flags: string[]): string {
  source(`${name}.c`, text);
  workshop.run("gcc", "-fno-pie", ...flags, "-c", `${name}.c`, "-o", `${name}.o`);
  return user(`${name}.o`);
}

const nothing: ApplicationSources = {
  inputs: [],
  name: "program",
  compiler: undefined,
  libraries: [],
  libraryPaths: [],
  compileFlags: [],
  linkFlags: [],
  extraObjects: [],
  kernelSymbols: new Map(),
};

const main = "int main(void) { return 0; }\n";

/** Why an application is refused. Whatever the reason, no temporary file is named. */
async function refusal(inputs: readonly string[], more: Partial<ApplicationSources> = {}): Promise<UklError> {
  return withScratchDirectory(async (scratch) => {
    const error = await linkApplication({ ...nothing, ...more, inputs }, scratch).catch((reason) => reason);
    if (!(error instanceof UklError)) throw new Error(`not refused: ${String(error)}`);
    const text = Object.values(error.detail).join("\n");
    expect(text).not.toContain(scratch);
    expect(text).not.toMatch(/\/cc\w{6}\b/);
    return error;
  });
}

describe("UKL-220", () => {
  test("names the undefined symbol and the source that wants it", async () => {
    const path = source("wants.c", "int missing(void); int main(void) { return missing(); }\n");
    expect(await refusal([path])).toMatchObject({
      code: "UKL-220",
      detail: { what: "a symbol is undefined", cause: `'missing' is wanted by ${path}` },
    });
  });

  test("names an object by its own name, not by that of its source, and says once what it wants often", async () => {
    const text = `int one(void), two(void);
      int other(void) { return one() + one(); }
      int main(void) { return one() + two() + one(); }\n`;
    const path = object("often", text);
    const { detail } = await refusal([path]);
    expect(detail.what).toBe("2 symbols are undefined");
    expect(detail.cause.split("\n").sort()).toEqual([
      `'one' is wanted by ${path}`,
      `'two' is wanted by ${path}`,
    ]);
  });

  test("names every object that wants a symbol, and counts the symbol once", async () => {
    const first = object("first", "int missing(void); int main(void) { return missing(); }\n");
    const second = source("second.c", "int missing(void); int other(void) { return missing(); }\n");
    const { detail } = await refusal([first, second]);
    expect(detail.what).toBe("a symbol is undefined");
    expect(detail.cause).toBe(`'missing' is wanted by ${first}\n'missing' is wanted by ${second}`);
  });

  test("tells sources of the same name in two directories apart", async () => {
    const left = source("left/x.c", "int only_left(void); int main(void) { return only_left(); }\n");
    const right = source("right/x.c", "int only_right(void); int other(void) { return only_right(); }\n");
    const { cause } = (await refusal([left, right])).detail;
    expect(cause).toBe(`'only_left' is wanted by ${left}\n'only_right' is wanted by ${right}`);
  });

  test.each([[], ["-g"]])("names the object whose data refer to the symbol (%s)", async (...flags) => {
    const code = object("code", "int first_missing(void); int main(void) { return first_missing(); }\n");
    const data = object("data", "extern int missing; int *pointer = &missing;\n", ...flags);
    const { cause } = (await refusal([code, data])).detail;
    expect(cause.split("\n")).toContain(`'missing' is wanted by ${data}`);
    expect(cause.split("\n")).toContain(`'first_missing' is wanted by ${code}`);
  });

  test("names the member of an archive", async () => {
    object("member", "int missing(void); int member(void) { return missing(); }\n", "-g");
    workshop.run("ar", "rcs", "archive.a", "member.o");
    const caller = object("caller", "int member(void); int main(void) { return member(); }\n");
    const { cause } = (await refusal([caller, user("archive.a")])).detail;
    expect(cause).toBe(`'missing' is wanted by ${user("archive.a")}(member.o)`);
  });

  test("gives C++ names as they are written", async () => {
    const path = source(
      "mangled.cc",
      "namespace deep { struct Thing { void method(int, const char *); }; }\n" +
        'int main() { deep::Thing().method(1, "x"); }\n',
    );
    const { detail } = await refusal([path]);
    expect(detail.cause).toBe(`'deep::Thing::method(int, char const*)' is wanted by ${path}`);
  });

  test("names main where there is none, and the startup file that calls it", async () => {
    const { detail } = await refusal([source("no-main.c", "int other;\n")]);
    expect(detail.cause).toBe("'main' is wanted by crt1.o");
  });

  test("does not name the temporary object of an optimisation at link time", async () => {
    const path = object("late", "int missing(void); int main(void) { return missing(); }\n", "-flto");
    const { cause } = (await refusal([path], { linkFlags: ["-flto"] })).detail;
    expect(cause).toBe("'missing' is wanted by code optimised at link time");
  });

  test("is not for what the kernel's symbols define", async () => {
    const path = source("kernel.c", "int in_kernel(void); int main(void) { return in_kernel(); }\n");
    const kernelSymbols = new Map([["in_kernel", 0xffffffff81000010n]]);
    await withScratchDirectory(async (scratch) => {
      // The call is 32 bits wide, so the code has to be told that the symbol is far away.
      const sources = { ...nothing, inputs: [path], kernelSymbols, compileFlags: ["-mcmodel=large"] };
      const linked = parseElf(await readInput(await linkApplication(sources, scratch)), "linked");
      const symbol = linked.symbols.find(({ name }) => name === "in_kernel");
      expect(symbol?.value).toBe(0xffffffff81000010n);
    });
  });
});

describe("UKL-221", () => {
  test.each([[], ["-g"]])(
    "names both objects that define a function or a variable (%s)",
    async (...flags) => {
      const first = object("once", "int twice(void) { return 1; } int data = 1;\n", ...flags);
      const second = object("again", `int twice(void) { return 2; } int data = 2;\n${main}`, ...flags);
      const error = await refusal([first, second]);
      expect(error).toMatchObject({
        code: "UKL-221",
        detail: { what: "a symbol is defined more than once" },
      });
      expect(error.detail.cause.split("\n").sort()).toEqual([
        `'data' is defined in ${first} and again in ${second}`,
        `'twice' is defined in ${first} and again in ${second}`,
      ]);
    },
  );

  test("names sources as the user does", async () => {
    const first = source("strong.c", main);
    const second = source("stronger.c", main);
    expect((await refusal([first, second])).detail.cause).toBe(
      `'main' is defined in ${first} and again in ${second}`,
    );
  });
});

describe("UKL-222", () => {
  test.each(["nosuchlib", ":libnosuch.a"])("names the library %s that is missing", async (name) => {
    const error = await refusal([source("library.c", main)], { libraries: [name] });
    expect(error).toMatchObject({ code: "UKL-222", detail: { what: "a library is missing" } });
    expect(error.detail.cause).toBe(`-l${name} was not found as a static library`);
  });
});

describe("UKL-224", () => {
  test("says what the linker said", async () => {
    const error = await refusal([source("plain.c", main)], { linkFlags: ["-Wl,--no-such-option"] });
    expect(error).toMatchObject({ code: "UKL-224", detail: { what: "the application does not link" } });
    expect(error.detail.cause).toContain("--no-such-option");
  });

  test("is also for a linker that is missing, which is no library", async () => {
    const compiler = join(workshop.directory, "gcc-without-ld");
    workshop.write(
      "gcc-without-ld",
      `#!/bin/sh\ncase " $* " in *" -c "*) exec gcc "$@" ;; esac\ngcc=$(command -v gcc)\nPATH=/nowhere exec "$gcc" "$@"\n`,
    );
    workshop.run("chmod", "+x", compiler);
    const error = await refusal([source("plain.c", main)], { compiler });
    expect(error.code).toBe("UKL-224");
  });
});

describe("UKL-223", () => {
  test.each([
    ["syntax.c", "int main(void) { return 0 }\n", "expected ‘;’|expected ';'"],
    ["type.cc", "int main() { return nullptr; }\n", "nullptr"],
    ["assembly.S", "bogus %eax\n", "no such instruction"],
    ["assembly.s", ".globl main\nmain: bogus %eax\n", "no such instruction"],
    ["inline.c", 'int main(void) { __asm__("bogus %eax"); return 0; }\n', "no such instruction"],
  ])("names %s, its line, and what the compiler said", async (name, text, complaint) => {
    const path = source(name, text);
    const error = await refusal([source("fine.c", ""), path]);
    expect(error).toMatchObject({ code: "UKL-223", detail: { what: `${path} does not compile` } });
    expect(error.detail.cause).toMatch(
      new RegExp(`${name.replace(".", "\\.")}:${name.endsWith(".s") ? 2 : 1}\\b`),
    );
    expect(error.detail.cause).toMatch(new RegExp(complaint));
  });

  test("names a flag that the compiler refuses", async () => {
    const error = await refusal([source("plain.c", main)], { compileFlags: ["-fno-such-flag"] });
    expect(error.code).toBe("UKL-223");
    expect(error.detail.cause).toContain("-fno-such-flag");
  });
});

test.each(["program.rs", "library.so", "Makefile"])("%s is no input of a build: UKL-210", async (name) => {
  const error = await refusal([name]);
  expect(error).toMatchObject({ code: "UKL-210", detail: { what: `${name} is not an input of a build` } });
});

test("a compiler that is not there is UKL-401", async () => {
  const error = await refusal([source("plain.c", main)], { compiler: "no-such-cc" });
  expect(error).toMatchObject({ code: "UKL-401", detail: { what: "no-such-cc is not installed" } });
});

describe("what is linked", () => {
  test("is a static executable of all inputs, without the names of this machine's directories", async () => {
    const one = source(
      "one.c",
      `#include <assert.h>\nint two(void);\n${"int main(void) { assert(two() == 2); return 0; }"}\n`,
    );
    const two = object("two", "int two(void) { return 2; }\n");
    await withScratchDirectory(async (scratch) => {
      const path = await linkApplication({ ...nothing, inputs: [one, two], compileFlags: ["-g"] }, scratch);
      const bytes = await readInput(path);
      expect(parseElf(bytes, path).linkage).toBe("static");
      expect(workshop.run("sh", "-c", '"$0" && echo fine', path)).toBe("fine\n");
      expect(bytes.includes(join(workshop.directory, "one.c"))).toBe(false);
    });
  });

  test("is the same for the same inputs", async () => {
    const path = source("same.c", main);
    const link = () =>
      withScratchDirectory(async (scratch) =>
        readInput(await linkApplication({ ...nothing, inputs: [path], compileFlags: ["-g"] }, scratch)),
      );
    expect((await link()).equals(await link())).toBe(true);
  });
});

test("complaints about functions without a source name are those of the object before", () => {
  const text = [
    "/usr/bin/ld: /usr/lib/libc.a(dl.o): in function `relocate':",
    "(.text+0x2d): undefined reference to `_DYNAMIC'",
    "/usr/bin/ld: (.text+0x89): undefined reference to `_DYNAMIC'",
  ].join("\n");
  expect(diagnoseLink(text, new Map()).causes).toEqual(["'_DYNAMIC' is wanted by libc.a(dl.o)"]);
});
