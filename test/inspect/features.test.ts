// SPDX-License-Identifier: MIT
/** Features that arguments tell. The reference is what strace sees the same program pass. */
import { describe, expect, test } from "vitest";
import { inspect } from "../../src/inspect/inspect.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
const path = (name: string) => `${workshop.directory}/${name}`;

async function build(name: string, body: string, ...flags: string[]) {
  workshop.write(
    `${name}.c`,
    `#define _GNU_SOURCE
    #include <pthread.h>
    #include <spawn.h>
    #include <stdlib.h>
    #include <sys/mman.h>
    #include <sys/socket.h>
    #include <sys/wait.h>
    #include <unistd.h>
    static void *work(void *argument) { return argument; }
    int main(int count, char **arguments) { ${body} return 0; }`,
  );
  workshop.run("gcc", "-O1", "-w", `${name}.c`, "-o", name, ...flags);
  workshop.run("strace", "-f", "-o", "trace.txt", path(name));
  const { features, socketFamilies } = await inspect({ path: path(name), mode: "precise" });
  return {
    trace: workshop.read("trace.txt").toString("latin1"),
    features: features.map((feature) => feature.name),
    families: socketFamilies.map((family) => family.name),
    evidence: new Map([...features, ...socketFamilies].map((each) => [each.name, each.evidence])),
  };
}

const thread = "pthread_t id; pthread_create(&id, 0, work, 0); pthread_join(id, 0);";
const spawn =
  'pid_t id; char *list[] = { "true", 0 }; posix_spawn(&id, "/bin/true", 0, 0, list, 0); wait(0);';
const code =
  "mprotect(mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096, PROT_READ | PROT_EXEC);";

describe.each([
  ["dynamic", []],
  ["static", ["-static"]],
  ["stripped", ["-static", "-s"]],
])("a program that is %s", (kind, flags) => {
  test.each([
    ["threads", thread, /clone3?\(.*CLONE_THREAD/],
    [
      "fork",
      "if (fork() == 0) _exit(0); wait(0);",
      /clone\(child_stack=NULL, flags=CLONE_CHILD_CLEARTID\|CLONE_CHILD_SETTID\|SIGCHLD/,
    ],
    ["vfork", spawn, /clone3?\(.*CLONE_VFORK/],
    ["JIT pages", code, /mprotect\(.*, 4096, PROT_READ\|PROT_EXEC\)/],
    [
      "raw sockets",
      "socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1);",
      /socket\(AF_INET, SOCK_RAW\|SOCK_CLOEXEC, /,
    ],
    ["change of user or group", "setuid(getuid());", /setuid\(/],
  ])("has %s, and says where", async (feature, body, seen) => {
    const { trace, features, evidence } = await build(
      `${feature.replaceAll(" ", "-")}-${kind}`,
      body,
      ...flags,
    );
    expect(trace).toMatch(seen);
    expect(features).toContain(feature);
    expect(evidence.get(feature)).toMatch(/main → /);
  });

  test("has none of them when it does nothing", async () => {
    const { features } = await build(`nothing-${kind}`, "", ...flags);
    expect(features.filter((name) => /threads|fork|JIT|raw|user/.test(name))).toEqual([]);
  });

  test("has the families of its sockets", async () => {
    const body = `int pair[2];
      close(socket(AF_INET6, SOCK_DGRAM, 0));
      close(socket(AF_NETLINK, SOCK_RAW, 0));
      if (count > 1) close(socket(AF_VSOCK, SOCK_STREAM, 0)); else close(socket(AF_ALG, SOCK_SEQPACKET, 0));
      socketpair(AF_UNIX, SOCK_STREAM, 0, pair);`;
    const { trace, families, features } = await build(`families-${kind}`, body, ...flags);
    const seen = [...trace.matchAll(/socket(?:pair)?\((AF_\w+)/g)].map(([, family = ""]) => family);
    expect(seen).toEqual(["AF_INET6", "AF_NETLINK", "AF_ALG", "AF_UNIX"]);
    expect(families).toEqual([...seen, "AF_VSOCK"].sort());
    expect(features).not.toContain("raw sockets");
  });
});

test("a family from outside is said to be computed", async () => {
  const { features, evidence } = await build("outside", "socket(count > 1 ? atoi(arguments[1]) : 1, 1, 0);");
  expect(features).toContain("sockets by computed family");
  expect(evidence.get("sockets by computed family")).toContain("outside:main at 0x");
});
