// SPDX-License-Identifier: MIT
/** `ukl inspect --trace`, with programs that do on purpose what cannot be predicted. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { traceComparisonSchema } from "../../src/inspect/trace.js";
import { traceSchema } from "../../src/inspect/trace-file.js";
import { openWorkshop } from "../elf/toolchain.js";
import { cliPath, ukl } from "../support/cli.js";

const workshop = openWorkshop();
const path = (name: string) => `${workshop.directory}/${name}`;

workshop.write(
  "choosy.c",
  `#include <dlfcn.h>
  #include <signal.h>
  #include <stdio.h>
  #include <string.h>
  #include <sys/wait.h>
  #include <unistd.h>
  static volatile int interrupted;
  static void interrupt(int number) { interrupted += number == SIGINT; }
  int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "sync")) sync();
    if (!strcmp(what, "fork") && fork() == 0) { getsid(0); _exit(0); }
    if (!strcmp(what, "exec") && fork() == 0) execl("/bin/uname", "uname", (char *)0);
    if (!strcmp(what, "read")) { char line[9]; if (fgets(line, sizeof line, stdin)) printf("read %s", line); }
    if (!strcmp(what, "load") && !dlopen(argv[2], RTLD_NOW)) return 9;
    if (!strcmp(what, "wait")) {
      sigset_t interrupts, none;
      sigemptyset(&none);
      sigemptyset(&interrupts);
      sigaddset(&interrupts, SIGINT);
      signal(SIGINT, interrupt);
      sigprocmask(SIG_BLOCK, &interrupts, 0); // One that comes between the question and the wait is not lost.
      puts("waiting");
      fflush(stdout);
      while (!interrupted) sigsuspend(&none);
      sigprocmask(SIG_SETMASK, &none, 0);
      for (int i = 0; i < 5; i++) usleep(100000);
      printf("interrupted %d\\n", interrupted);
    }
    wait(0);
    return 3;
  }
`,
);
workshop.write(
  "plugin.c",
  `#include <sys/syscall.h>
  #include <unistd.h>
  __attribute__((constructor)) static void start(void) { syscall(SYS_acct, "/nowhere/at/all"); }
`,
);
workshop.run("gcc", "-O2", "choosy.c", "-o", "choosy");
workshop.run("gcc", "-O2", "-shared", "-fPIC", "plugin.c", "-o", "plugin.so");

/** What a run of choosy gave, as JSON, and what it printed: that goes to stderr then. */
async function traced(...args: string[]) {
  const { stdout, stderr, exitStatus } = await ukl([
    "inspect",
    path("choosy"),
    "--trace",
    "--json",
    "--",
    ...args,
  ]);
  return { comparison: traceComparisonSchema.parse(JSON.parse(stdout)), stderr, exitStatus };
}

test("what the program does depends on what it is given, and all of it was predicted", async () => {
  const plain = await traced();
  expect(plain).toMatchObject({ exitStatus: 0, comparison: { end: { exitStatus: 3 }, unpredicted: [] } });
  expect(plain.comparison.seen).not.toContain("sync");
  expect(plain.comparison.predicted).toContain("sync");
  const { comparison } = await traced("sync");
  expect(comparison.both).toEqual(comparison.seen);
  expect(comparison.trace.calls).toContainEqual({ name: "sync", abi: "x86-64", count: 1 });
  // The reference: what strace itself counts, its own execve aside. exit_group does not return and is not in it.
  workshop.run("sh", "-c", "strace -f -c -o counts -U name ./choosy sync; true");
  const counted = workshop
    .read("counts")
    .toString()
    .split("\n")
    .slice(2)
    .map((line) => line.trim());
  const names = counted.filter((line) => /^\w+$/.test(line) && !["execve", "total"].includes(line));
  expect(comparison.seen).toEqual([...names, "exit_group"].sort());
});

test("children count until they execute another file, which is named", async () => {
  expect((await traced("fork")).comparison.seen).toContain("getsid");
  const { comparison } = await traced("exec");
  expect(comparison.seen).not.toContain("uname");
  expect(comparison.trace.executed).toEqual(["/bin/uname"]);
});

test("a library loaded by a name that is not in the program: its call is an error, and it is named", async () => {
  const { comparison, stderr, exitStatus } = await traced("load", path("plugin.so"));
  expect(exitStatus).toBe(76);
  expect(comparison.unpredicted).toEqual(["acct"]);
  expect(comparison.trace.loadedLater).toEqual([path("plugin.so")]);
  expect(stderr).toMatch(/^error\[UKL-703\]: .*acct$/m);
  expect(stderr).toMatch(/^ {2}cause: .*plugin\.so$/m);
});

test("runs that are kept in one file are united", async () => {
  const run = (...args: string[]) =>
    ukl(["inspect", path("choosy"), "--trace-save", path("kept.json"), "--", ...args]);
  const count = (name: string) => kept().calls.find((call) => call.name === name)?.count;
  const kept = () => traceSchema.parse(JSON.parse(readFileSync(path("kept.json"), "utf8")));
  await run("sync");
  const { stdout } = await run("load", path("plugin.so"));
  expect(stdout).toContain("2 runs; the last one exited with 3\n");
  expect(kept().runs).toBe(2);
  expect(kept().loadedLater).toEqual([path("plugin.so")]);
  expect([count("sync"), count("acct"), count("exit_group")]).toEqual([1, 1, 2]);
  expect((await run()).exitStatus).toBe(76); // It was seen once, so it stays an error.
});

test("three columns, the program's own output before them, and its input is ours", async () => {
  const options = { stdin: "hello\n" };
  const { stdout, stderr } = await ukl(["inspect", path("choosy"), "--trace", "--", "read"], options);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^read hello\n/);
  const [, title = ""] = /^(predicted, not seen: .*)$/m.exec(stdout) ?? [];
  const column = (name: string) => new RegExp(`^(.*?)\\b${name}\\b`, "m").exec(stdout)?.[1]?.length;
  expect(column("sync")).toBe(2);
  expect(column("exit_group 1")).toBe(title.indexOf("predicted and seen") + 2);
  expect(stdout.split("\n").every((line) => line.length <= 100)).toBe(true);
});

test("a program is told when we are to end, and reported nevertheless", async () => {
  const child = spawn(process.execPath, [cliPath, "inspect", path("choosy"), "--trace", "--", "wait"], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true, // Away from a terminal that the tests may be run from.
  });
  child.stdout.once("data", () => child.kill("SIGINT"));
  const ended = once(child, "close");
  expect(await text(child.stdout)).toMatch(/^waiting\ninterrupted 1\n.*\n.* exited with 3\n/);
  expect((await ended)[0]).toBe(0);
});

test("Ctrl-C on a terminal reaches the program once", async () => {
  const inner = `${process.execPath} ${cliPath} inspect ${path("choosy")} --trace -- wait`;
  const child = spawn("script", ["-qec", inner, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdout.once("data", () => child.stdin.write("\x03"));
  expect(await text(child.stdout)).toMatch(/interrupted 1\r\n.*\r\n.* exited with 3\r\n/);
  child.stdin.end();
});

test.each([
  ["another question", ["--trace", "--names"]],
  ["a profile", ["--trace-save", "unused", "--seccomp"]],
  ["two programs", ["--trace", "/bin/true"]],
  ["arguments without --trace", ["--", "argument"]],
])("%s is refused", async (_, args) => {
  const { exitStatus, stderr } = await ukl(["inspect", "/bin/true", ...args]);
  expect(exitStatus).toBe(64);
  expect(stderr).toMatch(/^error\[UKL-101\]/);
});

test.each([
  ["of another program", (own: object) => ({ ...own, program: { path: "/bin/x", sha256: "0".repeat(64) } })],
  ["with a count that is none", (own: object) => ({ ...own, runs: -1 })],
  ["that is no JSON", () => undefined],
])("a saved trace %s is refused before the program runs, and left as it is", async (_, change) => {
  await ukl(["inspect", "/bin/true", "--trace-save", path("saved.json")]);
  const own = JSON.parse(readFileSync(path("saved.json"), "utf8"));
  const changed = JSON.stringify(change(own)) ?? "{";
  workshop.write("saved.json", changed);
  const { exitStatus, stdout, stderr } = await ukl([
    "inspect",
    "/bin/true",
    "--trace-save",
    path("saved.json"),
  ]);
  expect({ exitStatus, stdout }).toEqual({ exitStatus: 65, stdout: "" });
  expect(stderr).toMatch(/^error\[UKL-702\]/);
  expect(readFileSync(path("saved.json"), "utf8")).toBe(changed);
});

test("what cannot be run is told, and so is that there is no strace", async () => {
  workshop.run("cp", "/bin/true", "locked");
  workshop.run("chmod", "a-x", "locked");
  const locked = await ukl(["inspect", path("locked"), "--trace"]);
  expect(locked.exitStatus).toBe(69);
  expect(locked.stderr).toMatch(/^error\[UKL-701\]/m);
  workshop.run("gcc", "-c", "choosy.c", "-o", "choosy.o");
  const object = await ukl(["inspect", path("choosy.o"), "--trace"]);
  expect(object.stderr).toMatch(/^error\[UKL-701\].*\n.*: object$/m);
  const library = await ukl(["inspect", path("plugin.so"), "--trace"]);
  expect(library.stderr).toMatch(/^error\[UKL-701\]/m);
  const without = await ukl(["inspect", "/bin/true", "--trace"], { env: { PATH: "/nonexistent" } });
  expect(without.stderr).toMatch(/^error\[UKL-401\]: strace .*\n.*\n.*'ukl doctor --fix'.* strace$/m);
});
