// SPDX-License-Identifier: MIT
/** What is said of libraries and TLS. The reference is readelf, and what programs measure of themselves. */
import { describe, expect, test } from "vitest";
import { inspect } from "../../src/inspect/inspect.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
const path = (name: string) => `${workshop.directory}/${name}`;
const precise = (file: string) => inspect({ path: file, mode: "precise" });
const compile = (name: string, source: string, ...flags: string[]) => {
  workshop.write(`${name}.c`, source);
  workshop.run("gcc", "-O1", `${name}.c`, "-o", name, ...flags);
};

/** LIBRARY VERSION, as `readelf -V` lists a file's needs. */
function versionNeeds(file: string): readonly string[] {
  let library = "";
  return workshop
    .run("readelf", "-VW", file)
    .split("\n")
    .flatMap((line) => {
      library = /File: (\S+)/.exec(line)?.[1] ?? library;
      const [, version] = /0x[0-9a-f]+: +Name: (\S+) +Flags:/.exec(line) ?? [];
      return version !== undefined && library !== "" ? [`${library} ${version}`] : [];
    });
}

test.each(["/usr/bin/strace", "/usr/bin/qemu-system-x86_64"])(
  "%s: the versions that readelf lists, by whom",
  async (file) => {
    const { libraries } = await precise(file);
    const found = libraries.flatMap(({ soname, versions }) =>
      versions.flatMap(({ name, users }) => users.map((user) => `${user}: ${soname} ${name}`)),
    );
    const expected = libraries.flatMap((library) =>
      versionNeeds(library.path).map((need) => `${library.path.split("/").at(-1)}: ${need}`),
    );
    expect(expected.length).toBeGreaterThan(20);
    expect(found.sort()).toEqual(expected.sort());
  },
);

const measuring = `#define _GNU_SOURCE
  #include <stddef.h>
  #include <stdio.h>
  #include <pthread.h>
  void _dl_get_tls_static_info(size_t *, size_t *);
  #ifdef BYTES
  __thread char block[BYTES] __attribute__((aligned(ALIGN))) = { 1 };
  #define USED block[0]
  #else
  #define USED 0
  #endif
  static void *work(void *argument) { return argument; }
  int main(void) {
    size_t size, align;
    pthread_t thread;
    pthread_create(&thread, 0, work, 0);
    _dl_get_tls_static_info(&size, &align);
    printf("%zu\\n", size);
    return USED > 100;
  }`;

describe("what a thread costs is what the C library says it is", () => {
  test.each([
    ["small", []],
    ["aligned", ["-DBYTES=1000", "-DALIGN=256"]],
    ["odd", ["-DBYTES=4097", "-DALIGN=4096"]],
    ["static", ["-static"]],
    ["static-aligned", ["-static", "-DBYTES=100", "-DALIGN=128"]],
    ["static-wide", ["-static", "-DBYTES=5000", "-DALIGN=1024"]],
  ])("%s", async (name, flags) => {
    // The function is private to glibc: a program at fixed addresses that names its loader can have it.
    const loader = flags.includes("-static") ? [] : ["/lib64/ld-linux-x86-64.so.2"];
    compile(name, measuring, ...flags, ...loader);
    const { tls } = await precise(path(name));
    expect(tls.threadBytes).toBe(Number(workshop.run(path(name))));
    expect(tls.threadParts).toHaveLength(3);
  });
});

describe("the models of TLS are those of the relocations", () => {
  const source =
    "__thread int shown; static __thread int one, two; int f(void) { return ++shown + ++one + two++; }";
  test.each([
    ["global-dynamic", [], /R_X86_64_DTPMOD64/, ["general-dynamic"]],
    ["local-dynamic", ["-Dshown=three", "-fvisibility=hidden"], /R_X86_64_DTPMOD64 +0\n/, ["local-dynamic"]],
    ["initial-exec", [], /R_X86_64_TPOFF64/, ["initial-exec"]],
    ["global-dynamic", ["-mtls-dialect=gnu2"], /R_X86_64_TLSDESC/, ["descriptor"]],
  ])("%s %j", async (model, flags, relocation, expected) => {
    const name = `lib-${model}-${flags.length}.so`;
    compile(name, source, "-shared", "-fPIC", `-ftls-model=${model}`, ...flags);
    expect(workshop.run("readelf", "-rW", name)).toMatch(relocation);
    const { tls } = await precise(path(name));
    const own = tls.models.filter(({ libraries }) => libraries.includes(name));
    expect(own.map((each) => each.model)).toEqual(expect.arrayContaining(expected));
  });

  test("a program's own are local-exec", async () => {
    compile("own", `${source} int main(void) { return f(); }`);
    const code = workshop.run("objdump", "-d", "own");
    expect(code).toMatch(/%fs:0xf{8}/);
    const { tls } = await precise(path("own"));
    expect(tls.models.find(({ libraries }) => libraries.includes("own"))?.model).toBe("local-exec");
  });
});
