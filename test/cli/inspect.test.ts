// SPDX-License-Identifier: MIT
/** The forms in which `ukl inspect` answers; what the answers say is tested beside the analysis. */
import { describe, expect, test } from "vitest";
import { inspectionSchema } from "../../src/inspect/schema.js";
import { openWorkshop } from "../elf/toolchain.js";
import { ukl } from "../support/cli.js";

const workshop = openWorkshop();

describe("ukl inspect", () => {
  test("prints a report for people", async () => {
    const { stdout, exitStatus } = await ukl(["inspect", "/bin/true"]);
    expect(exitStatus).toBe(0);
    expect(stdout).toMatch(/^\/bin\/true\n/);
    expect(stdout).toMatch(/ +libc\.so\.6 +\d+ KiB +needed +\//);
    expect(stdout).toMatch(/processes .*exit_group/);
  });

  test("finds a program by its name as a shell does", async () => {
    const place = workshop.run("sh", "-c", "command -v busybox").trim();
    const { stdout } = await ukl(["inspect", "busybox", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ target: { path: place } });
    const unknown = await ukl(["inspect", "no-such-program"]);
    expect(unknown.stderr).toMatch(/^error\[UKL-201\]: no-such-program cannot be read/);
  });

  test("prints what its schema says", async () => {
    const { stdout } = await ukl(["inspect", "/bin/true", "--json"]);
    const inspection = inspectionSchema.parse(JSON.parse(stdout));
    expect(inspection.target.interp).toBe("/lib64/ld-linux-x86-64.so.2");
  });

  test("prints several targets as a list", async () => {
    const { stdout } = await ukl(["inspect", "/bin/true", "/bin/false", "--json"]);
    const paths = inspectionSchema
      .array()
      .parse(JSON.parse(stdout))
      .map(({ target }) => target.path);
    expect(paths).toEqual(["/bin/true", "/bin/false"]);
  });

  test("prints objects, linked with what it is told to", async () => {
    const { directory, run, write } = workshop;
    write("one.c", "long two(void); int main(void) { return two(); }");
    write("two.c", "long syscall(long, ...); long two(void) { return syscall(163, 0); }");
    run("gcc", "-c", "one.c", "two.c");
    run("ar", "rcs", "libtwo.a", "two.o");
    const { stdout } = await ukl(["inspect", "one.o", "two.o", "-L.", "-ltwo", "--json"], { cwd: directory });
    const inspections = inspectionSchema.array().parse(JSON.parse(stdout));
    expect(inspections.map(({ target }) => [target.path, target.kind])).toEqual([
      ["one.o", "object"],
      ["two.o", "object"],
    ]);
    // 163 is acct in asm/unistd_64.h.
    for (const { syscalls } of inspections) expect(syscalls.map(({ name }) => name)).toContain("acct");
    const report = await ukl(["inspect", "one.o", "-L.", "-ltwo"], { cwd: directory });
    expect(report.stdout).toMatch(/libtwo\.a .* needed .*\(1 member\)/);
    const alone = await ukl(["inspect", "one.o"], { cwd: directory });
    expect(alone.stdout).toMatch(/two +undefined, needed by one\.o/);
  });

  test("prints names for other tools", async () => {
    const { stdout } = await ukl(["inspect", "/bin/true", "--names"]);
    const names = stdout.trimEnd().split("\n");
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(expect.arrayContaining(["execve", "exit_group", "write"]));
  });

  test("prints a seccomp profile that refuses with ENOSYS", async () => {
    const { stdout } = await ukl(["inspect", "/bin/true", "--seccomp"]);
    expect(JSON.parse(stdout)).toMatchObject({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 38 });
  });

  test("tells why", async () => {
    const { stdout } = await ukl(["inspect", "/bin/true", "--why", "exit_group"]);
    // One function has both names.
    expect(stdout).toMatch(/libc\.so\.6:_[Ee]xit\n +system call at 0x[0-9a-f]+ in libc\.so\.6:_[Ee]xit\n/);
  });

  test("compares two programs", async () => {
    const same = await ukl(["inspect", "--diff", "/bin/true", "/bin/true", "--json"]);
    expect(JSON.parse(same.stdout)).toMatchObject({ syscalls: { started: [], stopped: [] } });
    const one = await ukl(["inspect", "--diff", "/bin/true"]);
    expect(one).toMatchObject({ exitStatus: 64, stdout: "" });
    expect(one.stderr).toMatch(/^error\[UKL-101\]/);
  });

  test("does not stumble over a reader that leaves", async () => {
    const leaver = ["bash", "-o", "pipefail", "-c", '"$@" | head -c 10', "bash"];
    const { stdout, stderr } = await ukl(["inspect", "/bin/true", "--json"], { under: leaver });
    expect(stdout).toHaveLength(10);
    expect(stderr).toBe("");
  });
});

test.each([
  [["--json", "--names"], "--names"],
  [["--seccomp", "--why", "exit_group"], "--why"],
  [["--runtime", "runc"], "--runtime"],
])("%j are not one answer", async (flags, refused) => {
  const { exitStatus, stdout, stderr } = await ukl(["inspect", "/bin/true", ...flags]);
  expect({ exitStatus, stdout }).toEqual({ exitStatus: 64, stdout: "" });
  expect(stderr).toContain(`error[UKL-101]: ${refused} does not count here`);
});
