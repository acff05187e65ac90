// SPDX-License-Identifier: MIT
// The ground truth itself: what is counted, from when on, and that a call which was not predicted is a failure.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { straceOptions } from "../../src/inspect/trace.js";

const repository = new URL("../../", import.meta.url);
const scratch = mkdtempSync(join(tmpdir(), "ukl-compare-test-"));
const inScratch = (name: string) => join(scratch, name);
// The scripts are JavaScript without types.
const { readTrace } = await import(new URL("scripts/workloads/support/trace.js", repository).href);
const { runUnderStrace } = await import(new URL("scripts/workloads/support/run.js", repository).href);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function run(command: string, ...args: string[]) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", cwd: scratch });
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

/** What strace's own summary counts after its execve, and exit_group, which it leaves out: it does not return. */
function countedByStrace(...command: string[]) {
  run("strace", "-c", "-o", "counts", "-U", "name", ...command);
  const lines = readFileSync(inScratch("counts"), "utf8").split("\n").slice(2);
  const names = lines.map((line) => line.trim()).filter((line) => /^\w+$/.test(line));
  return [...names.filter((name) => name !== "execve" && name !== "total"), "exit_group"].sort();
}

describe("what is read from a trace", () => {
  const source = `
#include <sys/wait.h>
#include <unistd.h>
__attribute__((constructor)) static void early(void) { getppid(); }
int main(int argc, char **argv) {
  if (argc > 1) return getsid(0) < 0;
  if (fork() == 0) { getpgid(0); execl("/bin/uname", "uname", (char *)0); }
  wait(0);
  execl(argv[0], argv[0], "again", (char *)0);
}`;
  let seen: { all: Set<string>; main: Set<string>; marked: boolean };

  beforeAll(() => {
    writeFileSync(inScratch("family.c"), source);
    run("gcc", "-o", "family", "family.c");
    const marker = new URL("scripts/workloads/support/marker.c", repository).pathname;
    expect(run("gcc", "-shared", "-fPIC", "-o", "marker.so", marker).status).toBe(0);
    const preload = ["-E", `LD_PRELOAD=${inScratch("marker.so")}`];
    run("strace", ...straceOptions("trace"), ...preload, inScratch("family"));
    const isTarget = (path: string) => path === inScratch("family");
    seen = readTrace(inScratch("trace"), isTarget);
  });

  test("an initialiser runs before main, and what main and its children do comes after", () => {
    expect(seen.marked).toBe(true);
    expect(seen.all).toContain("getppid");
    expect(seen.main).not.toContain("getppid");
    expect([...seen.main]).toEqual(expect.arrayContaining(["getpgid", "wait4", "execve", "exit_group"]));
  });

  test("a child that executes another program is that program's, one that executes itself is not", () => {
    expect(seen.all).not.toContain("uname");
    expect(seen.main).toContain("getsid");
  });

  test("the mark adds no call to those strace counts of the program alone", () => {
    const preload = ["-E", `LD_PRELOAD=${inScratch("marker.so")}`];
    run("strace", ...straceOptions("ls-trace"), ...preload, "/bin/ls", "-la", "/");
    const counted = countedByStrace("/bin/ls", "-la", "/");
    expect([...readTrace(inScratch("ls-trace"), () => true).all].sort()).toEqual(counted);
  });
});

describe("what is seen of a program in a test suite", () => {
  interface Context {
    tracedProgram: string;
    suite(command: string, args: string[], options?: object): Promise<string>;
  }
  const seenOf = (binary: string, suite: string) => {
    const use = (context: Context) => context.suite("bash", ["-ec", suite, "suite", context.tracedProgram]);
    return runUnderStrace({ binary, run: use }, undefined, scratch);
  };

  test("everything it does wherever the suite starts it, and nothing that the suite does", async () => {
    const suite = '"$1" one & wait $!; ln -s one two; ("$1" one/three); test -d one/three';
    const { all } = await seenOf("/usr/bin/mkdir", suite);
    expect(all).toContain("mkdir");
    expect(all).not.toContain("symlinkat");
    expect(all).not.toContain("wait4");
  });

  test("it is the very process that the suite started", async () => {
    await seenOf("/usr/bin/mkdir", 'status=0; "$1" missing/one || status=$?; test $status = 1');
    const isProgram = 'until test "$(readlink /proc/$!/exe)" = /usr/bin/sleep; do sleep 0.05; done';
    const isEnded = "status=0; kill -TERM $!; wait $! || status=$?; test $status = 143";
    await seenOf("/usr/bin/sleep", `"$1" 60 & ${isProgram}; ${isEnded}`);
  });

  test("a suite that does not end is ended", async () => {
    const use = (context: Context) => context.suite("sleep", ["60"], { limitMs: 200 });
    const run = runUnderStrace({ binary: "/usr/bin/mkdir", run: use }, undefined, scratch);
    await expect(run).rejects.toThrow("sleep 60 ended with 124");
  });
});

describe("the comparison", () => {
  /** An inspection of `true` with these calls, as far as the comparison reads it. */
  function compare(names: string[], ofMain = ["exit_group"]) {
    const syscalls = names.map((name) => ({ name, layers: [ofMain.includes(name) ? "main" : "startup"] }));
    writeFileSync(
      inScratch("true.json"),
      JSON.stringify({ complete: true, syscalls, timingsMs: { total: 5 } }),
    );
    const script = new URL("scripts/compare-inspect.js", repository).pathname;
    const cache = ["--trace-cache", inScratch("cache")];
    return run(process.execPath, script, "--only", "true", "--verbose", "--inspect-from", scratch, ...cache);
  }
  const calls = () => countedByStrace("/bin/true");

  test("is content with a superset, and names what was not seen", () => {
    const { status, stdout } = compare([...calls(), "reboot"]);
    expect(status).toBe(0);
    const count = calls().length;
    expect(stdout).toMatch(
      new RegExp(`\\| true \\| ${count} \\| ${count + 1} \\| 1.00 \\|.*\\| none \\| yes \\| 0.01 s`),
    );
    expect(stdout).toContain("predicted and not seen: reboot\n");
  });

  test("fails, by name, on a call that was seen and not predicted", () => {
    const { status, stdout } = compare(calls().filter((name) => name !== "mprotect"));
    expect(status).toBe(1);
    expect(stdout).toContain("| `mprotect` |");
  });

  test("fails when a call of main is only predicted for the start", () => {
    const { status, stdout } = compare(calls(), []);
    expect(status).toBe(1);
    expect(stdout).toContain("| `exit_group` |");
  });
});
