// SPDX-License-Identifier: MIT
/** What is counted apart, and what the C library does only if it is asked to. */
import { describe, expect, test } from "vitest";
import { inspect } from "../../src/inspect/inspect.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

async function layersIn(name: string, body: string, ...flags: readonly string[]) {
  workshop.write(
    `${name}.c`,
    `#define _GNU_SOURCE
    #include <dlfcn.h>
    #include <grp.h>
    #include <netdb.h>
    #include <pthread.h>
    #include <pwd.h>
    #include <spawn.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/socket.h>
    #include <sys/time.h>
    #include <time.h>
    #include <unistd.h>
    ${body}`,
  );
  workshop.run("gcc", "-O1", `${name}.c`, "-o", name, ...flags);
  const { syscalls } = await inspect({ path: `${workshop.directory}/${name}`, mode: "precise" });
  return new Map(syscalls.map((call) => [call.name, call.layers]));
}

describe("what the vDSO has", () => {
  test.each([[[]], [["-static"]]])("is a call only without it (%j)", async (flags) => {
    const layers = await layersIn(
      "clock",
      `int main(void) {
        struct timespec now;
        struct timeval then;
        return clock_gettime(CLOCK_MONOTONIC, &now) + gettimeofday(&then, 0) + (time(0) == 1);
      }`,
      ...flags,
    );
    expect(layers.get("clock_gettime")).toEqual(["vdso"]);
    expect(layers.get("gettimeofday")).toEqual(["vdso"]);
    expect(layers.get("time")).toEqual(["vdso"]);
  });

  test("is a call where the program makes it itself", async () => {
    const layers = await layersIn(
      "raw-clock",
      `#include <sys/syscall.h>
      int main(void) { struct timespec now; return syscall(SYS_clock_gettime, 0, &now); }`,
    );
    expect(layers.get("clock_gettime")).toContain("main");
  });
});

describe("name services", () => {
  test("are asked for the databases that the program looks something up in", async () => {
    const users = await layersIn("users", 'int main(void) { return getpwnam("root") == 0; }');
    const hosts = await layersIn("hosts", 'int main(void) { return gethostbyname("localhost") == 0; }');
    // Only DNS sends several questions at once.
    expect(users.has("sendmmsg")).toBe(false);
    expect(hosts.get("sendmmsg")).toEqual(["nss"]);
    expect(users.get("lseek")).toContain("nss");
  });
});

describe("the loader in a running program", () => {
  test("is counted apart", async () => {
    const layers = await layersIn(
      "loads",
      "int main(int c, char **v) { return dlopen(v[c - 1], RTLD_NOW) == 0; }",
    );
    expect(layers.get("getcwd")).toEqual(["startup", "dlopen"]);
  });

  test("may call whatever the program exports", async () => {
    const body = `void exported(void) { sync(); }
      int main(int c, char **v) { void (*f)(void) = dlsym(RTLD_DEFAULT, v[c - 1]); if (f) f(); return 0; }`;
    const exported = await layersIn("exports", body, "-rdynamic");
    expect(exported.get("sync")).toContain("main");
    const hidden = await layersIn("hides", body);
    expect(hidden.has("sync")).toBe(false);
  });
});

test("a thread's variable leads to nothing that lies behind it in the offset table", async () => {
  workshop.write(
    "library.c",
    `#include <sys/timerfd.h>
    static __thread int counter;
    int *address(void) { return &counter; }
    void unused(void) { timerfd_create(0, 0); }
    void *idle(void) { return unused; }`,
  );
  workshop.run("gcc", "-O1", "-shared", "-fPIC", "library.c", "-o", "libcounter.so");
  const layers = await layersIn(
    "counts",
    "int *address(void); int main(void) { return *address(); }",
    ...["-L.", "-lcounter", "-Wl,-rpath,$ORIGIN"],
  );
  expect(layers.has("write")).toBe(true);
  expect(layers.has("timerfd_create")).toBe(false);
});

describe("the C library does on request", () => {
  const lock =
    "pthread_mutex_t m; int main(void) { pthread_mutex_init(&m, 0); return pthread_mutex_lock(&m); }";
  const protecting = `pthread_mutex_t m;
    int main(void) {
      pthread_mutexattr_t a;
      pthread_mutexattr_init(&a);
      pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_PROTECT);
      pthread_mutex_init(&m, &a);
      return pthread_mutex_lock(&m);
    }`;

  test("a mutex's change of its owner's priority", async () => {
    expect((await layersIn("mutex", lock)).has("sched_setscheduler")).toBe(false);
    expect((await layersIn("mutex-protecting", protecting)).get("sched_setscheduler")).toContain("main");
  });

  test("a new session for what it spawns", async () => {
    const popen = await layersIn("popen", 'int main(void) { return pclose(popen("true", "r")); }');
    expect(popen.has("execve")).toBe(true);
    expect(popen.has("setsid")).toBe(false);
    const session = `int main(int c, char **v) {
      posix_spawnattr_t a;
      pid_t child;
      posix_spawnattr_init(&a);
      posix_spawnattr_setflags(&a, POSIX_SPAWN_SETSID);
      return posix_spawn(&child, "/bin/true", 0, &a, v, 0);
    }`;
    expect((await layersIn("session", session)).get("setsid")).toContain("main");
  });

  test("a temporary directory", async () => {
    expect((await layersIn("file", "int main(void) { return tmpfile() == 0; }")).has("mkdir")).toBe(false);
    const directory = 'int main(void) { char name[] = "/tmp/aXXXXXX"; return mkdtemp(name) == 0; }';
    expect((await layersIn("directory", directory)).get("mkdir")).toContain("main");
  });
});

test("what glibc's loader calls by its name is start-up", async () => {
  workshop.write("nothing.c", "int main(void) { return 0; }");
  workshop.run("gcc", "-O1", "nothing.c", "-o", "nothing");
  const { syscalls } = await inspect({ path: `${workshop.directory}/nothing`, mode: "precise" });
  // __libc_early_init() asks for the limit of stacks (nptl/nptl-stack.c), by strace on glibc 2.36 and 2.41.
  const limits = syscalls.find(({ name }) => name === "prlimit64");
  expect(limits?.layers).toContain("startup");
  expect(limits?.evidence.map(({ root }) => root)).toContain("__libc_early_init");
});
