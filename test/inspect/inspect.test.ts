// SPDX-License-Identifier: MIT
/** Whole inspections. The reference is what strace sees and what objdump disassembles, never our own output. */
import { describe, expect, test } from "vitest";
import { damage, openBase } from "../../scripts/mutate/damage.js";
import { UklError } from "../../src/errors.js";
import { inspect } from "../../src/inspect/inspect.js";
import { allSyscalls } from "../../src/inspect/syscall-names.js";
import { openWorkshop } from "../elf/toolchain.js";
import { testLimit } from "../support/patience.js";
import { randomFrom } from "../support/random.js";
import { seenByStrace, sitesInDisassembly } from "./ground-truth.js";

const workshop = openWorkshop();
const path = (name: string) => `${workshop.directory}/${name}`;
const precise = (file: string) => inspect({ path: file, mode: "precise" });
const namesOf = (calls: readonly { readonly name: string }[]) => calls.map(({ name }) => name);

workshop.write(
  "busy.c",
  `#include <pthread.h>
  #include <signal.h>
  #include <stdio.h>
  #include <stdlib.h>
  #include <sys/epoll.h>
  #include <sys/socket.h>
  #include <sys/wait.h>
  #include <unistd.h>
  static void *work(void *unused) { sleep(0); return unused; }
  static int compare(const void *a, const void *b) { getppid(); return *(const int *)a - *(const int *)b; }
  static void at_exit(void) { getpgrp(); }
  __attribute__((constructor)) static void before(void) { getsid(0); }
  struct operation { const char *name; int (*run)(void); };
  static int synchronise(void) { sync(); return 0; }
  static int identify(void) { return getegid() > 100000; }
  static const struct operation operations[] = { { "sync", synchronise }, { "id", identify } };
  int main(int argc, char **argv) {
    pthread_t thread;
    int values[] = { 3, 1, 2 };
    atexit(at_exit);
    qsort(values, 3, sizeof *values, compare);
    pthread_create(&thread, 0, work, 0);
    pthread_join(thread, 0);
    if (fork() == 0) _exit(0);
    wait(0);
    close(epoll_create1(0));
    close(socket(AF_UNIX, SOCK_STREAM, 0));
    signal(SIGUSR1, SIG_IGN);
    FILE *file = fopen("/dev/null", "r+");
    fprintf(file, "%s\\n", argv[0]);
    fclose(file);
    for (unsigned i = 0; i < 2; i++) if (operations[i].run()) puts(operations[i].name);
    return argc > 5;
  }
`,
);

describe.each([
  ["dynamic", "gcc", []],
  ["static", "gcc", ["-static"]],
  ["static and stripped", "gcc", ["-static", "-s"]],
  ["static-pie", "gcc", ["-static-pie"]],
  ["unoptimised", "gcc", ["-O0"]],
  ["static with musl", "musl-gcc", ["-static"]],
])("a program that is %s", (kind, compiler, flags) => {
  const file = path(kind.replaceAll(" ", "-"));

  test("makes no call that was not predicted", async () => {
    workshop.run(compiler, "-O2", "-pthread", ...flags, "busy.c", "-o", file);
    const { syscalls, complete } = await precise(file);
    const seen = seenByStrace(workshop, file);
    expect(seen.length).toBeGreaterThan(20);
    expect(seen.filter((name) => !namesOf(syscalls).includes(name))).toEqual([]);
    expect(complete).toBe(true);
  });

  test("has every system call instruction counted in one class", async () => {
    const { sites, libraries } = await precise(file);
    const { total, constant, wrapper, unknown, unreached } = sites;
    expect(constant + wrapper + unknown + unreached).toBe(total);
    const disassembled = libraries.reduce((sum, library) => sum + sitesInDisassembly(library.path), 0);
    expect(total).toBeGreaterThanOrEqual(disassembled);
    expect(total - disassembled).toBeLessThan(disassembled / 20);
  });
});

describe("layers and evidence", () => {
  test("tell what is called before main from what is called after it", async () => {
    workshop.run("gcc", "-O2", "-pthread", "busy.c", "-o", "layers");
    const { syscalls } = await precise(path("layers"));
    const layersOf = (name: string) => syscalls.find((call) => call.name === name)?.layers;
    expect(layersOf("arch_prctl")).toEqual(["startup"]);
    expect(layersOf("getsid")).toEqual(["startup"]);
    expect(layersOf("getpgrp")).toEqual(["main"]);
    expect(layersOf("sync")).toEqual(["main"]);
  });

  test("lead from a root to the instruction, function by function", async () => {
    workshop.run("gcc", "-O2", "-static", "-pthread", "busy.c", "-o", "chains");
    const { syscalls } = await precise(path("chains"));
    const [evidence] = syscalls.find(({ name }) => name === "getppid")?.evidence ?? [];
    expect(evidence?.root).toBe("main");
    expect(evidence?.chain).toContain("chains:compare");
    const code = workshop.run("objdump", "-d", "--no-show-raw-insn", "chains");
    expect(code).toMatch(new RegExp(`^ +${evidence?.offset.slice(2)}:\\tsyscall`, "m"));
  });
});

describe("a number that reaches its site", () => {
  const build = (name: string, body: string) => {
    workshop.write(
      `${name}.c`,
      `#include <unistd.h>
      #include <stdlib.h>
      #include <sys/syscall.h>
      long raw(long number, long argument) {
        long result;
        __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(argument) : "rcx", "r11", "memory");
        return result;
      }
      long outer(long ignored, long number) { return raw(number, ignored) + 1; }
      int main(int argc, char **argv) { ${body} }`,
    );
    workshop.run("gcc", "-O1", "-fno-inline", "-fno-ipa-cp", `${name}.c`, "-o", name);
    return precise(path(name));
  };

  test("as one of two constants", async () => {
    const { syscalls } = await build("choice", "return raw(argc > 1 ? SYS_acct : SYS_swapon, 0);");
    expect(namesOf(syscalls)).toEqual(expect.arrayContaining(["acct", "swapon"]));
  });

  test("through two functions and another argument", async () => {
    const { syscalls, complete } = await build("wrappers", "return outer(1, SYS_quotactl);");
    expect(namesOf(syscalls)).toContain("quotactl");
    expect(complete).toBe(true);
  });

  test("through syscall(2) of the C library", async () => {
    const { syscalls, sites } = await build("library", "return syscall(SYS_ustat, argc);");
    expect(namesOf(syscalls)).toContain("ustat");
    expect(sites.wrapper).toBeGreaterThan(0);
  });

  test("from a variable of the stack", async () => {
    const body = "volatile long n[2]; n[0] = SYS_sysfs; n[1] = argc; return raw(n[0], n[1]);";
    expect(namesOf((await build("stack", body)).syscalls)).toContain("sysfs");
  });

  test("as whatever it is behind a conditional jump out of the function, not only as what the jump asks for", async () => {
    workshop.write(
      "leaving.s",
      `.globl raw, elsewhere
      .type raw, @function
      raw: .cfi_startproc
        test %rdi, %rdi
        je elsewhere
        mov %rdi, %rax
        syscall
        ret
      .cfi_endproc
      .size raw, . - raw
      .type elsewhere, @function
      elsewhere: .cfi_startproc
        ret
      .cfi_endproc
      .size elsewhere, . - elsewhere
      .section .note.GNU-stack, ""`,
    );
    workshop.write("leaving.c", "long raw(long); int main(void) { return raw(179) > 0; }");
    workshop.run("gcc", "-O1", "leaving.c", "leaving.s", "-o", "leaving");
    // 179 is quotactl in asm/unistd_64.h.
    expect(namesOf((await precise(path("leaving"))).syscalls)).toContain("quotactl");
  });

  test("from a variable that nobody writes", async () => {
    const { syscalls } = await build("variable", "static volatile long n = SYS_acct; return raw(n, 0);");
    expect(namesOf(syscalls)).toContain("acct");
  });

  test("from outside is unknown, which is said, and strict mode counts every call", async () => {
    const found = await build("outside", "return raw(atoi(argv[1]), 0);");
    expect(found.complete).toBe(false);
    const [site] = found.unknownSites.filter(({ reached }) => reached);
    expect(site?.symbol).toBe("raw");
    const strict = await inspect({ path: path("outside"), mode: "strict" });
    expect(strict.syscalls.length).toBe(allSyscalls.length);
  });
});

test("Debian's static busybox: the calls of its applets are found, though it is stripped", async () => {
  const { syscalls } = await precise("/bin/busybox");
  expect(namesOf(syscalls)).toEqual(expect.arrayContaining(["mount", "sethostname", "pivot_root", "reboot"]));
});

test("read-only data is no code, also where it is in the segment of the code", async () => {
  workshop.write(
    "data.c",
    `/* mov $169, %eax; syscall; ret: reboot, if it were code. */
    static const unsigned char bytes[] = { 0xb8, 0xa9, 0, 0, 0, 0x0f, 0x05, 0xc3 };
    const unsigned char *volatile pointer = bytes;
    int main(void) { return *pointer == 0; }
`,
  );
  workshop.run("gcc", "-O2", "-pie", "-fPIE", "-Wl,-z,noseparate-code", "data.c", "-o", "data");
  const { syscalls } = await precise(path("data"));
  expect(namesOf(syscalls)).toContain("exit_group");
  expect(namesOf(syscalls)).not.toContain("reboot");
});

test("libraries: what is bound from each, and by whom", async () => {
  workshop.write("maths.c", "#include <math.h>\nint main(int c, char **v) { return (int)cbrt(c); }");
  workshop.run("gcc", "-O2", "maths.c", "-lm", "-o", "maths");
  const { libraries } = await precise(path("maths"));
  const library = libraries.find(({ soname }) => soname === "libm.so.6");
  expect(library?.boundSymbols).toEqual([{ name: "cbrt", version: "GLIBC_2.2.5", users: ["maths"] }]);
});

test("200 damaged programs or more end in a report or in an error with a code", {
  timeout: testLimit(120_000),
}, async () => {
  workshop.write("small.c", "int main(void) { return 0; }");
  workshop.run("musl-gcc", "-O2", "-static", "small.c", "-o", "small");
  const base = openBase(workshop.parse("small"));
  const random = randomFrom(12345);
  const outcomes = { reports: 0, errors: 0 };
  // How many of them are errors differs with the C library that the program has.
  const isEnough = () => outcomes.reports > 20 && outcomes.errors > 20;
  for (let round = 0; round < 200 || (round < 1000 && !isEnough()); round++) {
    workshop.write("damaged", damage(base, base, random));
    const outcome = await precise(path("damaged")).catch((error: unknown) => error);
    if (outcome instanceof Error) {
      if (!(outcome instanceof UklError) || outcome.code === "UKL-901") throw outcome;
      outcomes.errors++;
    } else outcomes.reports++;
  }
  expect(outcomes.reports).toBeGreaterThan(20);
  expect(outcomes.errors).toBeGreaterThan(20);
});
