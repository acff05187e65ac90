// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import { callsInImage, firstChain } from "../src/image-calls.js";

const syscalls = [
  { name: "write", layers: ["main"] },
  { name: "mount", layers: ["nss", "dlopen"] },
  { name: "ptrace", layers: ["dlopen"] },
];
const names = (target: { readonly interp?: string }) =>
  callsInImage({ target, syscalls }).map(({ name }) => name);

describe("what only libraries make that are loaded by name", () => {
  test("is none of a static program's image", () => expect(names({})).toEqual(["write", "mount"]));

  test("is in the image of a dynamic one, with its libraries", () =>
    expect(names({ interp: "/lib64/ld-linux-x86-64.so.2" })).toEqual(["write", "mount", "ptrace"]));
});

test("the first way to a call begins with its root, and a call may have none", () => {
  expect(
    firstChain([
      { root: "main", chain: ["p:main", "p:puts"] },
      { root: "entry", chain: [] },
    ]),
  ).toBe("main → p:main → p:puts");
  expect(firstChain([])).toBeUndefined();
});
