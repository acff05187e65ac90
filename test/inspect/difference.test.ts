// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { differ, formatDifference } from "../../src/inspect/difference.js";
import { makeCall, makeInspection, makeLibrary } from "./support.js";

const ssl = (version: string) =>
  makeLibrary({ path: `/usr/lib/libssl.so.${version}`, soname: `libssl.so.${version}` });

test("calls and libraries that came and went are told, with the place that makes a call", () => {
  const before = makeInspection({
    syscalls: [makeCall("write"), makeCall("stat"), makeCall("poll")],
    libraries: [makeLibrary(), ssl("1.1")],
  });
  const after = makeInspection({
    syscalls: [makeCall("statx"), makeCall("write"), makeCall("io_uring_setup", ["main"], "uv_loop_init")],
    libraries: [ssl("3"), makeLibrary()],
  });
  const difference = differ(before, after);
  expect(difference).toEqual({
    syscalls: {
      started: [
        { name: "io_uring_setup", site: "libc.so.6:uv_loop_init" },
        { name: "statx", site: "libc.so.6:statx" },
      ],
      stopped: ["poll", "stat"],
    },
    libraries: { started: ["libssl.so.3"], stopped: ["libssl.so.1.1"] },
    complete: true,
  });
  expect(formatDifference(difference)).toBe(
    `system calls that are new: 2
  + io_uring_setup  libc.so.6:uv_loop_init
  + statx           libc.so.6:statx
system calls that are gone: 2
  - poll
  - stat
libraries that are new: 1
  + libssl.so.3
libraries that are gone: 1
  - libssl.so.1.1
`,
  );
});

test("the places of the program and of its libraries, and the order of calls, are no difference", () => {
  const program = (path: string) => {
    const { soname: _, ...library } = makeLibrary({ path, reason: "program" });
    return library;
  };
  const before = makeInspection({ libraries: [program("/old/a"), makeLibrary()] });
  const after = makeInspection({
    libraries: [makeLibrary({ path: "/opt/libc.so.6" }), program("/new/b")],
    syscalls: [...before.syscalls].reverse(),
  });
  expect(formatDifference(differ(before, after))).toBe("the same system calls and libraries\n");
});

test("a library without a soname goes by its file name", () => {
  const { soname: _, ...plugin } = makeLibrary({ path: "/usr/lib/plugin.so", reason: "dlopen" });
  const difference = differ(makeInspection(), makeInspection({ libraries: [plugin] }));
  expect(difference.libraries).toEqual({ started: ["plugin.so"], stopped: [] });
});

test.each([
  [false, true],
  [true, false],
])("an incomplete list on either side is no guarantee", (before, after) => {
  const difference = differ(makeInspection({ complete: before }), makeInspection({ complete: after }));
  expect(formatDifference(difference)).toContain("this is no guarantee");
});

test("a call without evidence is told without a place, and names cannot forge lines", () => {
  const call = { ...makeCall("write"), name: "write\u001b[2J\n  - read", evidence: [] };
  const text = formatDifference(
    differ(makeInspection({ syscalls: [] }), makeInspection({ syscalls: [call] })),
  );
  expect(text).toBe("system calls that are new: 1\n  + write\\u{1b}[2J\\u{a}  - read\n");
});
