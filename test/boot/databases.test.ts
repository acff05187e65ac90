// SPDX-License-Identifier: MIT
/** Databases on disks and volumes, and what may befall a machine: an end by itself, a power cut, a full disk. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { processesHolding } from "../../src/host/open-files.js";
import type { Attachments } from "../../src/vm/attachments.js";
import { diskAt, expectClean, superblock, volumeAt } from "../support/attachments.js";
import { bootImage, buildImage, modes } from "../support/harness.js";
import { patience, testLimit } from "../support/patience.js";
import { freePort, type Server, startServer } from "../support/server.js";

const timeoutMs = 50_000;
const longTimeoutMs = testLimit(120_000);
const scratch = mkdtempSync(join(tmpdir(), "ukl-databases-"));
let place: string;

const imageOf = (name: string, mode: string) => join(scratch, `${name}-${mode}.elf`);
/** The disk of a test. */
const disk = () => join(place, "disk");

const redisArguments = [
  ...["--dir", "/data", "--appendonly", "yes", "--appendfsync", "always"],
  ...["--save", "", "--protected-mode", "no"],
];
const execute = promisify(execFile);

beforeAll(async () => {
  for (const mode of modes) {
    // A call that the analysis missed ends the program; those of init are not the application's.
    const mask = { default: "kill" } as const;
    await buildImage({ program: "/usr/bin/sqlite3", mode, mask }, imageOf("sqlite3", mode));
    await buildImage(
      { program: "/usr/bin/redis-server", mode, mask, args: redisArguments },
      imageOf("redis", mode),
    );
  }
});

beforeEach(() => {
  place = mkdtempSync(join(scratch, "place-"));
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each(modes)("in %s mode", (mode) => {
  const sqlite = (attachments: Attachments, sql: string) =>
    bootImage(
      { imagePath: imageOf("sqlite3", mode), args: ["-bail", "/data/test.db", sql], attachments },
      timeoutMs,
    );

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
      const onOutput = (chunk: Uint8Array) => {
        output += Buffer.from(chunk).toString("latin1");
        if (text.test(output)) power.abort(new Error("power cut"));
      };
      const args = ["-bail", "/data/test.db", sql];
      const ended = bootImage({ imagePath: imageOf("sqlite3", mode), args, attachments }, timeoutMs, {
        onOutput,
        signal: power.signal,
      });
      await expect(ended).rejects.toThrow("power cut");
      return output;
    }
  });

  describe("redis with an append-only file that is synced always", () => {
    /** Runs `work` with a server whose data is on the disk. */
    async function withRedis(size: string, work: (port: number, server: Server) => Promise<void>) {
      const port = await freePort();
      const server = startServer(imageOf("redis", mode), [
        "-p",
        `${port}:6379`,
        "--disk",
        `${disk()}:${size}`,
      ]);
      try {
        // Each try is a connection of its own: one that came before the guest was ready may never be answered.
        await expect.poll(() => redis(port, "PING"), { timeout: patience(timeoutMs) }).toBe("PONG\n");
        await work(port, server);
      } catch (error) {
        throw new Error(`redis said: ${server.output()}`, { cause: error });
      } finally {
        await server.stop();
      }
    }

    /** Sets keys until that is refused or the count is reached, and returns those that were acknowledged. */
    async function setKeys(port: number, count: number, value: string): Promise<number> {
      for (let n = 0; n < count; n++) {
        const answer = await redis(port, "SET", `key:${n}`, value);
        if (answer !== "OK\n") return n;
      }
      return count;
    }

    async function expectKeys(size: string, count: number): Promise<void> {
      await withRedis(size, async (port) => {
        expect(Number(await redis(port, "DBSIZE"))).toBeGreaterThanOrEqual(count);
        for (const n of [0, count - 1]) expect(await redis(port, "EXISTS", `key:${n}`)).toBe("1\n");
      });
    }

    test("has its data after an end", { timeout: longTimeoutMs }, async () => {
      await withRedis("64M", async (port, server) => {
        expect(await setKeys(port, 20, "value")).toBe(20);
        await redis(port, "SHUTDOWN", "NOSAVE");
        expect(await server.ended).toBe(0);
      });
      expectClean(disk());
      await expectKeys("64M", 20);
    });

    test("has all that it acknowledged after a power cut", { timeout: longTimeoutMs }, async () => {
      await withRedis("64M", async (port, server) => {
        expect(await setKeys(port, 100, "value")).toBe(100);
        server.process.kill("SIGKILL");
        // QEMU goes with it.
        await expect.poll(() => processesHolding(disk())).toEqual([]);
      });
      expect(superblock(disk())).toContain("needs_recovery");
      await expectKeys("64M", 100);
    });

    test("has all that it acknowledged on a full disk", { timeout: longTimeoutMs }, async () => {
      let acknowledged = 0;
      await withRedis("8M", async (port) => {
        acknowledged = await setKeys(port, 300, "x".repeat(60_000));
        expect(acknowledged).toBeGreaterThan(50);
        expect(acknowledged).toBeLessThan(300);
      });
      await expectKeys("8M", acknowledged);
    });
  });
});

/** What redis-cli prints; nothing, when the server ended. */
async function redis(port: number, ...words: string[]): Promise<string> {
  const { stdout } = await execute("redis-cli", ["-p", String(port), ...words], { timeout: 5000 }).catch(
    () => ({ stdout: "" }),
  );
  return stdout;
}
