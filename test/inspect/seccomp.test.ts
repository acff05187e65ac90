// SPDX-License-Identifier: MIT
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { type SeccompProfile, seccompProfile } from "../../src/inspect/seccomp.js";
import { syscallNumber } from "../../src/inspect/syscall-names.js";
import { makeCall, makeInspection } from "./support.js";

const directory = mkdtempSync(join(tmpdir(), "ukl-seccomp-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const profileOf = (names: readonly string[], runtime?: "runc") =>
  seccompProfile(makeInspection({ syscalls: names.map((name) => makeCall(name)) }), runtime);

describe("the form of a profile", () => {
  test("is that of the OCI runtime specification", () => {
    expect(JSON.parse(JSON.stringify(profileOf(["write", "brk"])))).toEqual({
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 38,
      architectures: ["SCMP_ARCH_X86_64"],
      syscalls: [{ names: ["brk", "write"], action: "SCMP_ACT_ALLOW" }],
    });
  });

  test("has a rule of its own for what the runtime needs besides", () => {
    const [program, runtime, ...others] = profileOf(["write", "mount"], "runc").syscalls;
    expect(program?.names).toEqual(["mount", "write"]);
    expect(runtime?.names).toEqual([...(runtime?.names ?? [])].sort());
    expect(runtime?.names).not.toContain("write");
    expect(others).toEqual([]);
    for (const name of runtime?.names ?? [])
      expect([name, typeof syscallNumber(name)]).toEqual([name, "number"]);
  });

  // The calls that vendor/github.com/cyphar/filepath-securejoin/pathrs-lite makes for Reopen and OpenProcRoot, as of
  // runc 1.5.1, and CloseExecFrom in libcontainer/utils/utils_unix.go: unix.Fsopen, unix.FsconfigSetString, and so on.
  test("has what newer releases of runc call behind their filter, each name once", () => {
    const names = profileOf(["write"], "runc").syscalls.flatMap((rule) => rule.names);
    const called = [
      "fsopen",
      "fsconfig",
      "fsmount",
      "open_tree",
      "openat2",
      "statx",
      "fstatfs",
      "readlinkat",
    ];
    expect(names).toEqual(
      expect.arrayContaining([...called, "faccessat", "faccessat2", "close_range", "gettid"]),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  test("has no rule without a name", () => {
    expect(profileOf([]).syscalls).toEqual([]);
    expect(profileOf([], "runc").syscalls).toHaveLength(1);
  });

  test("lets the kernel take up a wait that was interrupted", () => {
    expect(profileOf(["clock_nanosleep"]).syscalls[0]?.names).toEqual(["clock_nanosleep", "restart_syscall"]);
  });

  test("lists a call that start-up alone makes", () => {
    const inspection = makeInspection({ syscalls: [makeCall("arch_prctl", ["startup"])] });
    expect(seccompProfile(inspection).syscalls[0]?.names).toEqual(["arch_prctl"]);
  });
});

/** What strace(1) sees, less the exec: that is made by whoever starts the program. */
function tracedCalls(...command: string[]): string[] {
  const log = join(directory, "trace");
  execFileSync("strace", ["-f", "-o", log, ...command]);
  const names = [...readFileSync(log, "utf8").matchAll(/^\d+ +(\w+)\(/gm)].map(([, name]) => `${name}`);
  return [...new Set(names)].filter((name) => name !== "execve");
}

/** The kernel takes numbers: they are from the host's header, not from the table under test. */
function runUnder(profile: SeccompProfile, ...command: string[]) {
  const names = profile.syscalls.flatMap((rule) => rule.names);
  writeFileSync(
    join(directory, "allowed.h"),
    `#define ERRNO_OF_REFUSED_CALL ${profile.defaultErrnoRet}\n${names.map((name) => `ALLOW(${name})\n`).join("")}`,
  );
  const source = fileURLToPath(new URL("run-under-filter.c", import.meta.url));
  const runner = join(directory, "run-under-filter");
  execFileSync("gcc", ["-Wall", "-Werror", "-I", directory, "-o", runner, source]);
  return spawnSync(runner, command, { encoding: "utf8", env: { LC_ALL: "C" } });
}

function without(profile: SeccompProfile, name: string): SeccompProfile {
  const syscalls = profile.syscalls.map((rule) => ({
    ...rule,
    names: rule.names.filter((item) => item !== name),
  }));
  return { ...profile, syscalls };
}

describe("the kernel, under the profile of what strace saw of /bin/true,", () => {
  const traced = tracedCalls("/bin/true");
  const profile = profileOf(traced, "runc");

  test("runs it", () => {
    expect(traced).toContain("exit_group");
    expect(runUnder(profile, "/bin/true")).toMatchObject({ status: 0, signal: null, stderr: "" });
  });

  test("lets it not end without exit_group", () => {
    expect(runUnder(without(profile, "exit_group"), "/bin/true").status).not.toBe(0);
  });

  test("lets nobody start it without what the runtime needs", () => {
    expect(runUnder(profileOf(traced), "/bin/true")).toMatchObject({ status: null });
  });

  test("answers another program's call with ENOSYS", () => {
    const { status, stderr } = runUnder(profile, "/bin/mkdir", join(directory, "made"));
    expect(status).toBe(1);
    expect(stderr).toContain("Function not implemented");
    expect(
      runUnder(
        profileOf(tracedCalls("/bin/mkdir", join(directory, "a")), "runc"),
        "/bin/mkdir",
        join(directory, "b"),
      ),
    ).toMatchObject({ status: 0 });
  });
});
