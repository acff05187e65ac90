// SPDX-License-Identifier: MIT
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { prepareAttachments } from "../../src/vm/attach.js";
import type { Attachments } from "../../src/vm/attachments.js";

const scratch = mkdtempSync(join(tmpdir(), "ukl-attach-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const place = (name: string) => join(scratch, name);
const disk = (file: string, size?: string) =>
  prepareAttachments({ volumes: {}, disks: { "/data": { file, size } } });
const volume = (host: string) =>
  prepareAttachments({ volumes: { "/host": { host, readOnly: false } }, disks: {} } satisfies Attachments);

describe("a disk", () => {
  test.each(["2M", "8M", "1G"])(
    "of %s is made: whole, sparse, with a journal, and with nothing beside it",
    async (size) => {
      const directory = place(size);
      mkdirSync(directory);
      const file = join(directory, "disk");
      await disk(file, size);
      expect(readdirSync(directory)).toEqual(["disk"]);
      expect(statSync(file).size).toBe(
        Number.parseInt(size, 10) * (size.endsWith("G") ? 1024 : 1) * 1024 ** 2,
      );
      expect(statSync(file).blocks * 512).toBeLessThan(statSync(file).size / 2);
      expect(spawnSync("/usr/sbin/e2fsck", ["-fn", file]).status).toBe(0);
      const header = execFileSync("/usr/sbin/dumpe2fs", ["-h", file], { encoding: "latin1", stdio: "pipe" });
      expect(header).toMatch(/features:.*has_journal/);
      expect(header).toMatch(/Reserved block count: +0\n/);
    },
  );

  test("that is made is empty, and belongs to whom the program runs as", async () => {
    const file = place("owned");
    await prepareAttachments(
      { volumes: {}, disks: { "/data": { file, size: "8M" } } },
      { uid: 105, gid: 70_000 },
    );
    const ask = (request: string) =>
      execFileSync("/usr/sbin/debugfs", ["-R", request, file], { encoding: "latin1", stdio: "pipe" });
    const names = ask("ls -p /").match(/[^/\n]+(?=\/[0-9]*\/\n)/g);
    expect(names).toEqual([".", ".."]);
    expect(ask("stat /")).toMatch(/User: +105 +Group: 70000\b[\s\S]*Links: 2\b/);
    expect(spawnSync("/usr/sbin/e2fsck", ["-fn", file]).status).toBe(0);
  });

  test("that is there is left as it is, whatever the size", async () => {
    const file = place("kept");
    await disk(file, "8M");
    const before = readFileSync(file);
    await disk(file, "16M");
    await disk(file);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  test("that is absent, a directory, or has no file system is refused", async () => {
    await expect(disk(place("absent"))).rejects.toMatchObject({
      code: "UKL-620",
      detail: { fix: expect.stringContaining("--disk") },
    });
    await expect(disk(scratch)).rejects.toMatchObject({ code: "UKL-620" });
    for (const [name, bytes] of [
      ["empty", 0],
      ["zeros", 1 << 20],
    ] as const) {
      writeFileSync(place(name), Buffer.alloc(bytes));
      await expect(disk(place(name))).rejects.toMatchObject({ code: "UKL-621" });
    }
  });

  test("in a directory that is absent is refused, and nothing is written", async () => {
    await expect(disk(place("no/such/disk"), "8M")).rejects.toMatchObject({ code: "UKL-403" });
    expect(readdirSync(scratch)).not.toContain("no");
  });

  test("that two make at once is one disk", async () => {
    const file = place("raced");
    const results = await Promise.allSettled([disk(file, "8M"), disk(file, "8M")]);
    expect(results.map(({ status }) => status)).toContain("fulfilled");
    expect(spawnSync("/usr/sbin/e2fsck", ["-fn", file]).status).toBe(0);
    expect(readdirSync(scratch).filter((name) => name.includes("raced"))).toEqual(["raced"]);
  });
});

describe("a volume", () => {
  test("is a directory", async () => {
    await expect(volume(scratch)).resolves.toBeUndefined();
  });

  test("that is absent or a file is refused", async () => {
    await expect(volume(place("absent"))).rejects.toMatchObject({
      code: "UKL-620",
      detail: { cause: expect.stringContaining("no such file or directory") },
    });
    writeFileSync(place("plain"), "");
    await expect(volume(place("plain"))).rejects.toMatchObject({ code: "UKL-620" });
  });
});
