// SPDX-License-Identifier: MIT
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { parseSignal } from "../../src/host/signals.js";

/** By bash, which has them from the C library. */
const inBash = (name: string) =>
  Number(execFileSync("bash", ["-c", `kill -l ${name}`], { encoding: "utf8" }));

test.each(["QUIT", "SIGTERM", "SIGRTMIN", "RTMIN+3", "SIGRTMAX-2", "RTMAX", "WINCH"])(
  "%s is the signal",
  (name) => {
    expect([parseSignal(name), parseSignal(name.toLowerCase())]).toEqual([inBash(name), inBash(name)]);
  },
);

test("a number is itself", () => {
  expect(["1", "37", "64"].map(parseSignal)).toEqual([1, 37, 64]);
});

test.each(["", "0", "65", "-1", "SIGNONE", "SIG3", "RTMIN-1", "RTMAX+1", "RTMIN+31", "3 "])(
  "%j is none",
  (text) => {
    expect(parseSignal(text)).toBeUndefined();
  },
);
