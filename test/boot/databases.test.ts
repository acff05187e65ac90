// SPDX-License-Identifier: MIT
/** Databases on disks and volumes, and what may befall a machine: an end by itself, a power cut, a full disk. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Attachments } from "../../src/vm/attachments.js";
import { diskAt, expectClean, superblock, volumeAt } from "../support/attachments.js";
import { bootImage, buildImage, modes } from "../support/harness.js";

const timeoutMs = 50_000;
const longTimeoutMs = 120_000;
const scratch = mkdtempSync(join(tmpdir(), "ukl-databases-"));
let place: string;

const imageOf = (mode: string) => join(scratch, `sqlite3-${mode}.elf`);
/** The disk of a test. */
const disk = () => join(place, "disk");

beforeAll(async () => {
  for (const mode of modes) {
    // A call that the analysis missed ends the program; those of init are not the application's.
    await buildImage({ program: "/usr/bin/sqlite3", mode, mask: { default: "kill" } }, imageOf(mode));
  }
});

beforeEach(() => {
  place = mkdtempSync(join(scratch, "place-"));
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each(modes)("in %s mode", (mode) => {
  const sqlite = (attachments: Attachments, sql: string) =>
    bootImage({ imagePath: imageOf(mode), args: ["-bail", "/data/test.db", sql], attachments }, timeoutMs);

  describe.each(["DELETE", "WAL"])("SQLite with a journal of the kind %s", (journal) => {
    // FULL, the default, does not sync the directory that a journal was deleted from, so a commit of that kind may be
    // undone by a power cut: sqlite.org/pragma.html#pragma_synchronous.
    const begin = `PRAGMA journal_mode=${journal}; PRAGMA synchronous=EXTRA; CREATE TABLE IF NOT EXISTS t(n INTEGER, text TEXT);`;
    const insert = (n: number, bytes = 40) =>
      `INSERT INTO t VALUES(${n}, hex(randomblob(${bytes}))); SELECT 'committed ${n}';`;
    const committed = (output: string) =>
      [...output.matchAll(/^committed (\d+)$/gm)].map(([, n]) => Number(n));
    const stream = (count: number, bytes?: number) =>
      begin + Array.from({ length: count }, (_, index) => insert(index, bytes)).join("");

    /** Boots again, and all that was said to be committed is there, in a database that is whole. */
    async function expectIntact(attachments: Attachments, printed: readonly number[]): Promise<void> {
      const { output } = await sqlite(attachments, "PRAGMA integrity_check; SELECT n FROM t ORDER BY n;");
      const [verdict, ...rows] = output.trimEnd().split("\n");
      expect(verdict).toBe("ok");
      const present = new Set(rows.map(Number));
      expect(printed.filter((n) => !present.has(n))).toEqual([]);
    }

    test("has its data after an end", { timeout: longTimeoutMs }, async () => {
      const { output, exitStatus } = await sqlite(diskAt("/data", disk()), stream(20));
      expect({ exitStatus, commits: committed(output).length }).toEqual({ exitStatus: 0, commits: 20 });
      expectClean(disk());
      await expectIntact(diskAt("/data", disk()), committed(output));
    });

    test.each([["a disk"], ["a volume"]])(
      "has all that it said was committed after a power cut, on %s",
      { timeout: longTimeoutMs },
      async (kind) => {
        const attachments = kind === "a disk" ? diskAt("/data", disk()) : volumeAt("/data", place);
        const output = await cutPower(attachments, stream(1000), /^committed 60$/m);
        const printed = committed(output);
        expect(printed.length).toBeGreaterThan(60);
        if (kind === "a disk") expect(superblock(disk())).toContain("needs_recovery");
        await expectIntact(attachments, printed);
        if (kind === "a disk") expectClean(disk());
      },
    );

    test("has all that it said was committed on a full disk", { timeout: longTimeoutMs }, async () => {
      const small = diskAt("/data", disk(), "8M");
      const { output, exitStatus } = await sqlite(small, stream(400, 20_000));
      expect(output).toMatch(/database or disk is full|disk I\/O error/);
      expect(exitStatus).not.toBe(0);
      expect(committed(output).length).toBeGreaterThan(20);
      expectClean(disk());
      await expectIntact(small, committed(output));
    });

    /** Kills QEMU as soon as the console shows the text, and returns what it had shown by then. */
    async function cutPower(attachments: Attachments, sql: string, text: RegExp): Promise<string> {
      const power = new AbortController();
      let output = "";
      const onConsole = (chunk: Uint8Array) => {
        output += Buffer.from(chunk).toString("latin1");
        if (text.test(output)) power.abort(new Error("power cut"));
      };
      const args = ["-bail", "/data/test.db", sql];
      const ended = bootImage({ imagePath: imageOf(mode), args, attachments }, timeoutMs, {
        onConsole,
        signal: power.signal,
      });
      await expect(ended).rejects.toThrow("power cut");
      return output;
    }
  });
});
