// SPDX-License-Identifier: MIT
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeOutput } from "../../src/host/files.js";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ukl-files-"));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

test("writers of one process leave the whole of what one of them wrote", async () => {
  const path = join(directory, "output");
  const contents = Array.from({ length: 16 }, (_, index) => Buffer.alloc(1024 * 1024 + index, 65 + index));
  for (let round = 0; round < 5; round++) {
    await Promise.all(contents.map((bytes) => writeOutput(path, bytes)));
    const written = await readFile(path);
    expect(contents.some((bytes) => bytes.equals(written))).toBe(true);
    expect(await readdir(directory)).toEqual(["output"]);
  }
});

// NAME_MAX of include/uapi/linux/limits.h.
test("a name may be as long as any", async () => {
  const name = "n".repeat(255);
  await writeOutput(join(directory, name), "text");
  expect(await readFile(join(directory, name), "utf8")).toBe("text");
});
