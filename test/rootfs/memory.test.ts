// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { checkMemory, copiedBytes, memoryFor } from "../../src/rootfs/memory.js";

const mib = 1024 ** 2;

test("files decide how much memory an image gets where nobody says", () => {
  expect(memoryFor(mib)).toBe("128M");
  expect(memoryFor(100 * mib)).toBe("384M");
});

const generic = { copiedBytes: 100 * mib, loadedBytes: 105 * mib, isGeneric: true, cpus: 1, isTmpfs: true };

test("memory that cannot hold the files is refused, with the least that can and what is advised", () => {
  // A tmpfs takes half of what the kernel has to give: at least twice the files, beside the image.
  expect(() => checkMemory(generic, "304M", "x")).toThrow(
    expect.objectContaining({
      code: "UKL-235",
      detail: expect.objectContaining({
        cause: expect.stringMatching(/the least that starts is 3(?:0[5-9]|1\d)M/) as unknown,
        fix: expect.stringContaining("384M") as unknown,
      }) as unknown,
    }),
  );
  expect(() => checkMemory(generic, "384M", "x")).not.toThrow();
  expect(() => checkMemory(generic, "1G", "x")).not.toThrow();
});

test("a root file system that is no tmpfs needs its files once beside the image", () => {
  const special = { ...generic, isGeneric: false, isTmpfs: false };
  expect(() => checkMemory(special, "204M", "x")).toThrow(expect.objectContaining({ code: "UKL-235" }));
  expect(() => checkMemory(special, "220M", "x")).not.toThrow();
});

test("each CPU takes some", () => {
  const least = { ...generic, copiedBytes: 0, loadedBytes: 6 * mib };
  expect(() => checkMemory(least, "18M", "x")).not.toThrow();
  expect(() => checkMemory({ ...least, cpus: 2 }, "18M", "x")).toThrow();
  expect(() => checkMemory({ ...least, cpus: 2 }, "20M", "x")).not.toThrow();
});

test("the least memory of docs/image.md is accepted", () => {
  const hello = {
    ...generic,
    copiedBytes: 0.02 * mib,
    loadedBytes: 3.06 * mib,
    isGeneric: false,
    isTmpfs: false,
  };
  expect(() => checkMemory(hello, "8M", "x")).not.toThrow();
  expect(() => checkMemory(hello, "7M", "x")).toThrow();
});

test("of files in the image's pages only what is on the last one takes memory", () => {
  const file = (path: string, data: Uint8Array) =>
    ({ kind: "file", path, permissions: 0o644, data }) as const;
  const shared = Buffer.alloc(5000);
  const files = [
    file("/a", shared),
    file("/b", shared),
    file("/c", Buffer.alloc(8192)),
    file("/d", Buffer.alloc(1)),
  ];
  expect(copiedBytes([{ kind: "directory", path: "/tmp", permissions: 0o755 }, ...files])).toBe(2 * 4096);
});
