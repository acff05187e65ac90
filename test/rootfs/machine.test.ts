// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import { hostnamePattern, limitNumbers, parseLimit } from "../../src/machine-options.js";
import { hostnameOf, machineFile, nameFiles } from "../../src/rootfs/machine.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

test("limits have the numbers of the C library", () => {
  const names = Object.keys(limitNumbers);
  // asm-generic/resource.h has another name for one.
  const constant = (name: string) => `RLIMIT_${name.toUpperCase()}`;
  const lines = names.map((name) => `printf("%d\\n", ${constant(name)});`);
  workshop.write(
    "limits.c",
    Buffer.from(
      `#define _GNU_SOURCE\n#include <stdio.h>\n#include <sys/resource.h>\nint main(void) {${lines.join("\n")}}`,
    ),
  );
  workshop.run("gcc", "-o", "limits", "limits.c");
  const numbers = workshop.run("./limits").trim().split("\n").map(Number);
  expect(names.map((name) => limitNumbers[name])).toEqual(numbers);
});

describe("a limit", () => {
  test.each([
    ["1024", "1024", "1024"],
    ["1024:524288", "1024", "524288"],
    ["-1", "unlimited", "unlimited"],
    ["0:unlimited", "0", "unlimited"],
    ["007", "7", "7"],
  ])("may be %s", (text, soft, hard) => {
    expect(parseLimit(text)).toEqual({ soft, hard });
  });

  test.each(["", ":", "1:", "a", "1:2:3", "2:1", "unlimited:5", "-2", "1.5", "9".repeat(19)])(
    "is not '%s'",
    (text) => {
      expect(parseLimit(text)).toBeUndefined();
    },
  );
});

test("a name of a host has the characters and the length that a kernel takes", () => {
  expect(hostnameOf("my_app+1")).toBe("my-app-1");
  expect(hostnameOf("x".repeat(100))).toHaveLength(64);
  for (const name of ["a", "web.example", "a-b"]) expect(name).toMatch(hostnamePattern);
  for (const name of ["", "-a", "a-", "a b", "a_b", "a\n", "x".repeat(65)])
    expect(name).not.toMatch(hostnamePattern);
});

test("init is told in entries of three strings", () => {
  const limits = { nofile: { soft: "10", hard: "unlimited" } };
  const { data } = machineFile({ hostname: "web", limits, settings: { "/proc/sys/a": "1 2" } });
  expect(Buffer.from(data).toString()).toBe(
    `hostname\0web\0\0setting\0/proc/sys/a\x001 2\0limit\0${"7"}\x0010 ${2n ** 64n - 1n}\0`,
  );
});

test("the name leads to the machine itself", () => {
  const [hostname, hosts] = nameFiles("web").map(({ data }) => Buffer.from(data).toString());
  expect(hostname).toBe("web\n");
  expect(hosts).toMatch(/^127\.0\.1\.1 web$/m);
});
