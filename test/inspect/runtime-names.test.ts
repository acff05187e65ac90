// SPDX-License-Identifier: MIT
/** What a program loads by name while it runs. The reference is what strace sees it open and call. */
import { describe, expect, test } from "vitest";
import { inspect } from "../../src/inspect/inspect.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
const path = (name: string) => `${workshop.directory}/${name}`;

workshop.write(
  "plugin.c",
  `#include <unistd.h>
  __attribute__((constructor)) static void at_load(void) { sync(); }
  int work(void) { return acct("/nowhere") + getppid(); }`,
);
workshop.run("gcc", "-shared", "-fPIC", "plugin.c", "-o", "plugin.so");

const build = (name: string, source: string, ...flags: string[]) => {
  workshop.write(`${name}.c`, `#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <stdio.h>\n${source}`);
  workshop.run("gcc", "-O1", `${name}.c`, "-o", name, ...flags);
  return inspect({ path: path(name), mode: "precise" });
};

/** The libraries that a run opens, and the names of its calls. */
function run(name: string, ...args: string[]) {
  workshop.run("strace", "-f", "-o", "trace.txt", path(name), ...args);
  const trace = workshop.read("trace.txt").toString("latin1");
  const opened = [...trace.matchAll(/openat\(AT_FDCWD, "([^"]+\.so[.\d]*)", [^)]*\) = \d/g)];
  const called = [...trace.matchAll(/^\d+ +(\w+)\(/gm)];
  return { libraries: opened.map(([, file]) => file), calls: new Set(called.map(([, call]) => call)) };
}

const use = 'int (*work)(void) = (int (*)(void))dlsym(plugin, "work"); printf("%d\\n", work());';

describe.each([
  ["a constant name", "", `void *plugin = dlopen(PLUGIN, RTLD_NOW); ${use}`],
  ["a variable", "static const char *name = PLUGIN;", `void *plugin = dlopen(name, RTLD_NOW); ${use}`],
  [
    "a function of its own",
    "__attribute__((noinline)) static void *load(int how, const char *name) { return dlopen(name, how); }",
    `void *plugin = load(RTLD_LAZY, PLUGIN); load(RTLD_NOW, "libm.so.6"); ${use}`,
  ],
])("a library that is loaded by %s", (kind, outside, body) => {
  test.each(["-O0", "-O2", "-fno-plt", "-no-pie"])("is read like the others, with %s", async (flag) => {
    const name = `${kind.replaceAll(" ", "-")}${flag}`;
    const source = `${outside}\nint main(void) { ${body} return 0; }`;
    const { libraries, syscalls, complete } = await build(
      name,
      source,
      flag,
      `-DPLUGIN="${path("plugin.so")}"`,
    );
    const seen = run(name);
    expect(seen.libraries).toContain(path("plugin.so"));
    expect(libraries.map((library) => library.path)).toEqual(expect.arrayContaining(seen.libraries));
    const predicted = syscalls.map((call) => call.name);
    expect([...seen.calls].slice(1).filter((call = "") => !predicted.includes(call))).toEqual([]);
    expect(syscalls.find((call) => call.name === "acct")?.layers).toEqual(["dlopen"]);
    expect(complete).toBe(true);
    const plugin = libraries.find((library) => library.path === path("plugin.so"));
    expect(plugin?.reason).toBe("dlopen");
    expect(plugin?.namedBy.join()).toMatch(new RegExp(`^${name}:main at 0x[0-9a-f]+$`));
  });
});

test("the place of the call that names a library is the one in the disassembly", async () => {
  const { libraries } = await build("place", `int main(void) { return !dlopen("libm.so.6", RTLD_NOW); }`);
  const [, address] =
    / at 0x([0-9a-f]+)$/.exec(libraries.find(({ soname }) => soname === "libm.so.6")?.namedBy[0] ?? "") ?? [];
  const code = workshop.run("objdump", "-d", "--no-show-raw-insn", "place");
  expect(code).toMatch(new RegExp(`^ +${address}:\\tcall .*<dlopen@plt>`, "m"));
});

test("a library that is loaded by a name from outside is said to be, with the place", async () => {
  const { features, libraries, verdicts } = await build(
    "outside",
    "int main(int c, char **v) { return !dlopen(v[1], 1); }",
  );
  expect(features.find(({ name }) => name === "dlopen by computed name")?.evidence).toMatch(
    /^outside:main at 0x/,
  );
  expect(verdicts.classic.findings.map(({ what }) => what).join()).toContain("by a computed name");
  expect(libraries.some(({ path: file }) => file.includes("libm"))).toBe(false);
});

test("a library that is not there is named, and is no obstacle", async () => {
  const source = `int main(void) { return dlopen("libnowhere.so.7", RTLD_NOW) != 0; }`;
  const { missingLibraries, features } = await build("absent", source);
  expect(missingLibraries).toEqual([]);
  expect(features.find(({ name }) => name === "dlopen")?.evidence).toContain("libnowhere.so.7");
});

test("a function that is looked up in the program itself can be called", async () => {
  const source = `#include <unistd.h>
  int hidden_door(void) { return acct("/nowhere"); }
  int main(void) { int (*f)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "hidden_door"); printf("%d\\n", f()); return 0; }`;
  const { syscalls } = await build("lookup", source, "-rdynamic");
  expect(run("lookup").calls).toContain("acct");
  expect(syscalls.map(({ name }) => name)).toContain("acct");
});

test("libgcc_s, which libc loads to unwind a stack, is read too", async () => {
  const source = `#include <execinfo.h>\nint main(void) { void *f[8]; return backtrace(f, 8) < 1; }`;
  const { libraries } = await build("backtrace", source);
  const { libraries: opened } = run("backtrace");
  expect(opened.join()).toContain("libgcc_s.so.1");
  expect(libraries.map((library) => library.path)).toEqual(expect.arrayContaining(opened));
});
