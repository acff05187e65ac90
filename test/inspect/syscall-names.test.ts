// SPDX-License-Identifier: MIT
import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { subsystemOfSyscall, subsystems } from "../../src/inspect/subsystems.js";
import { allSyscalls, ia32SyscallName, syscallName, syscallNumber } from "../../src/inspect/syscall-names.js";

/** The numbers of a header of the host, as its own preprocessor gives them. */
function headerNumbers(header: string): readonly (readonly [name: string, number: number])[] {
  const macros = execFileSync("gcc", ["-E", "-dM", "-include", header, "-x", "c", "/dev/null"], {
    encoding: "utf8",
  });
  return [...macros.matchAll(/^#define __NR_(\w+) (\d+)$/gm)].map(([, name, number]) => [
    `${name}`,
    Number(number),
  ]);
}

describe("the table of x86-64", () => {
  test("agrees with the header of the host, both ways", () => {
    const known = headerNumbers("asm/unistd_64.h");
    expect(known.length).toBeGreaterThan(340);
    for (const [name, number] of known) {
      expect([name, syscallNumber(name)]).toEqual([name, number]);
      expect([number, syscallName(number)]).toEqual([number, name]);
    }
  });

  test("has each number and each name once", () => {
    expect(new Set(allSyscalls.map(({ number }) => number)).size).toBe(allSyscalls.length);
    expect(new Set(allSyscalls.map(({ name }) => name)).size).toBe(allSyscalls.length);
  });

  test("leaves the x32 numbers, holes and what is no number without a name", () => {
    expect([512, 547, 400, -1, 1.5, Number.NaN, 0x4000_0001].map(syscallName)).toEqual(
      Array(7).fill(undefined),
    );
    expect(syscallNumber("")).toBeUndefined();
    expect(syscallNumber("constructor")).toBeUndefined();
  });
});

test("the table of int $0x80 agrees with the 32-bit header of the host", () => {
  const known = headerNumbers("asm/unistd_32.h");
  expect(known.length).toBeGreaterThan(400);
  for (const [name, number] of known) expect([number, ia32SyscallName(number)]).toEqual([number, name]);
});

describe("the groups", () => {
  test("hold every call of the table, and nothing else", () => {
    expect([...subsystemOfSyscall.keys()].sort()).toEqual(allSyscalls.map(({ name }) => name).sort());
  });

  test("are those of a report, and none is empty", () => {
    expect(new Set(subsystemOfSyscall.values())).toEqual(new Set(subsystems));
  });
});
