// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { checkMemory, memoryFor } from "../../src/rootfs/memory.js";

const mib = 1024 ** 2;

test("files decide how much memory an image gets where nobody says", () => {
  expect(memoryFor(mib, undefined, "x")).toBe("128M");
  expect(memoryFor(100 * mib, undefined, "x")).toBe("384M");
  expect(memoryFor(100 * mib, "1G", "x")).toBe("1G");
});

test("memory that cannot hold the files is refused", () => {
  expect(() => memoryFor(100 * mib, "256M", "x")).toThrow(expect.objectContaining({ code: "UKL-235" }));
  expect(() => checkMemory(mib, "6M", "x")).not.toThrow();
});
