// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import { UklError } from "../../src/errors.js";
import { formatWhy } from "../../src/inspect/why.js";
import { makeCall, makeInspection, makeUnknownSite } from "./support.js";

test("each chain is told from its root to the call, one function a line", () => {
  const call = makeCall("write", ["startup", "main"]);
  const second = {
    root: "init_array[2]",
    chain: ["hello:setup", "libc.so.6:0x84f00", "libc.so.6:__write"],
    library: "libc.so.6",
    symbol: "__write",
    offset: "0xf8a10",
  };
  const inspection = makeInspection({ syscalls: [{ ...call, evidence: [...call.evidence, second] }] });
  expect(formatWhy(inspection, "write")).toBe(`write (1), in startup, main: 2 chains

from _start
  hello:main
  libc.so.6:write
  system call at 0x1234 in libc.so.6:write

from init_array[2]
  hello:setup
  libc.so.6:0x84f00
  libc.so.6:__write
  system call at 0xf8a10 in libc.so.6:__write
`);
});

test("a call that strict mode added has no chain, and says so", () => {
  const call = { ...makeCall("mount"), evidence: [] };
  expect(formatWhy(makeInspection({ syscalls: [call], mode: "strict" }), "mount")).toMatch(
    /^mount \(165\), in main: no chain: /,
  );
});

test("symbols are not shortened, and cannot forge lines", () => {
  const symbol = `${"x".repeat(300)}\n  hello:main\u001b[0m`;
  const text = formatWhy(makeInspection({ syscalls: [makeCall("write", ["main"], symbol)] }), "write");
  expect(text).toContain(`  libc.so.6:${"x".repeat(300)}\\u{a}  hello:main\\u{1b}[0m\n`);
});

describe("a call that is not in the list", () => {
  test("is reached by nothing", () => {
    expect(formatWhy(makeInspection(), "mount")).toBe("nothing reaches mount\n");
  });

  test("may still be made where the list is no guarantee", () => {
    const text = formatWhy(makeInspection({ complete: false, unknownSites: [makeUnknownSite()] }), "mount");
    expect(text).toMatch(/^nothing reaches mount\nThe list is no guarantee: /);
  });
});

describe("what is no system call", () => {
  function refusal(name: string): UklError {
    try {
      formatWhy(makeInspection(), name);
    } catch (error) {
      if (error instanceof UklError) return error;
      throw error;
    }
    throw new Error("it was not refused");
  }

  test.each([
    ["wirte", "write"],
    ["epol_wait", "epoll_wait"],
    ["exitgroup", "exit_group"],
    ["OPENAT", "openat"],
  ])("is refused, and '%s' finds %s", (name, meant) => {
    const error = refusal(name);
    expect(error.code).toBe("UKL-101");
    expect(error.detail.what).toBe(`'${name}' is not a system call`);
    expect(error.detail.fix).toContain(meant);
    expect(error.detail.fix.split(", ")).toHaveLength(3);
  });

  test("is refused as quickly however long it is", () => {
    expect(refusal("").detail.fix).toMatch(/^did you mean /);
    expect(refusal("x".repeat(1_000_000)).code).toBe("UKL-101");
  });
});
