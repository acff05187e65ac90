// SPDX-License-Identifier: MIT
/**
 * Data that outlive the machine: directories of the host (-v) and disks (--disk), with the host as reference, and with
 * what may befall a machine: an end by itself, a power cut, a full disk.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Attachments } from "../../src/vm/attachments.js";
import { type CliOptions, inMountNamespace, ukl } from "../support/cli.js";
import { bootImage, buildImage, modes } from "../support/harness.js";

const timeoutMs = 50_000;
const longTimeoutMs = 120_000;
const source = fileURLToPath(new URL("volumes/files.c", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "ukl-volumes-"));
const program = join(scratch, "files");
let place: string;

const imageOf = (name: string, mode: string) => join(scratch, `${name}-${mode}.elf`);

beforeAll(async () => {
  execFileSync("gcc", ["-O1", "-static", "-o", program, source]);
  for (const mode of modes) {
    // A call that the analysis missed ends the program; those of init are not the application's.
    const mask = { default: "kill" } as const;
    await buildImage({ program, mode, mask }, imageOf("files", mode));
    await buildImage({ program: "/usr/bin/sqlite3", mode, mask }, imageOf("sqlite3", mode));
  }
});

beforeEach(() => {
  place = mkdtempSync(join(scratch, "place-"));
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const volumeAt = (guest: string, host: string, readOnly = false): Attachments => ({
  volumes: { [guest]: { host, readOnly } },
  disks: {},
});
const diskAt = (guest: string, size: string | undefined = "64M"): Attachments => ({
  volumes: {},
  disks: { [guest]: { file: join(place, "disk"), size } },
});

/** What `files.c` prints on the host, in a directory of its own; all file systems have to do the same. */
function onHost(): { readonly output: string; readonly directory: string } {
  const directory = join(place, "on-host");
  mkdirSync(directory);
  const { stdout } = spawnSync(program, ["all", directory], { encoding: "latin1" });
  expect(stdout).toContain("5000 names");
  return { output: stdout, directory };
}

/** Kind, mode, size and content of all that is in a directory of the host. */
function contentsOf(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const path = join(directory, name);
      const { mode, size, nlink } = lstatSync(path);
      const octal = mode.toString(8);
      if (octal.startsWith("12")) return `${name} -> ${readlinkSync(path)}`;
      if (octal.startsWith("4")) return `${name} ${octal}`;
      return `${name} ${octal} ${size} ${nlink} ${readFileSync(path, "latin1")}`;
    });
}

/** A file system is whole, and needs no journal to be replayed. */
function expectClean(file: string): void {
  expect(header(file)).toMatch(/Filesystem state: +clean\n/);
  expect(header(file)).not.toContain("needs_recovery");
  const { status, stdout } = spawnSync("/usr/sbin/e2fsck", ["-fn", file], { encoding: "latin1" });
  expect({ status, stdout }).toMatchObject({ status: 0 });
}

function header(file: string): string {
  return execFileSync("/usr/sbin/dumpe2fs", ["-h", file], { encoding: "latin1", stdio: "pipe" });
}

describe.each(modes)("in %s mode", (mode) => {
  const files = (attachments: Attachments, ...args: string[]) =>
    bootImage({ imagePath: imageOf("files", mode), args, attachments }, timeoutMs);

  describe("a volume", () => {
    test("is a file system like the host's, and what is written there is the host's", async () => {
      const host = onHost();
      const guest = join(place, "of-guest");
      mkdirSync(guest);
      const { output, exitStatus } = await files(volumeAt("/some/where", guest), "all", "/some/where");
      expect({ output, exitStatus }).toEqual({ output: host.output, exitStatus: 0 });
      expect(contentsOf(guest)).toEqual(contentsOf(host.directory));
    });

    test("has the host's files, which can be read without being written to when it is read-only", async () => {
      const path = join(place, "a, name");
      mkdirSync(path);
      writeFileSync(join(path, "file"), "of the host");
      chmodSync(join(path, "file"), 0o604);
      const readOnly = volumeAt("/host", path, true);
      const shown = await files(readOnly, "show", "/host", "file");
      expect(shown.output).toBe("file: mode 100604, 11 bytes, 1 links: of the host\n");
      const written = await files(readOnly, "write", "/host", "file", "of the guest");
      expect(written.output).toBe("file: Read-only file system\n");
      expect(readFileSync(join(path, "file"), "utf8")).toBe("of the host");
    });

    test("shows either side at once what the other writes", async () => {
      const file = (name: string) => join(place, name);
      writeFileSync(file("answer"), "");
      let question = "";
      const onConsole = (chunk: Uint8Array) => {
        if (!Buffer.from(chunk).includes("asked") || question !== "") return;
        question = readFileSync(file("question"), "utf8");
        writeFileSync(file("answer"), "answered", { flag: "r+" });
      };
      const request = { imagePath: imageOf("files", mode), args: ["converse", "/host"] };
      const attachments = volumeAt("/host", place);
      const { output } = await bootImage({ ...request, attachments }, timeoutMs, { onConsole });
      expect([question, output]).toEqual(["asked", "write: done\nasked\nanswered\n"]);
    });

    test("hides what the image has in its place, and nests", async () => {
      const [outer, inner] = [join(place, "outer"), join(place, "inner")];
      mkdirSync(outer);
      mkdirSync(inner);
      writeFileSync(join(inner, "file"), "inner");
      const attachments = {
        volumes: {
          "/tmp/a/inner": { host: inner, readOnly: false },
          "/tmp/a": { host: outer, readOnly: false },
        },
        disks: {},
      };
      const { output } = await files(attachments, "show", "/tmp/a/inner", "file");
      expect(output).toContain(": inner\n");
      expect(readdirSync(outer)).toEqual(["inner"]);
    });
  });

  describe("a disk", () => {
    test("is a file system like the host's, and is clean afterwards", async () => {
      const { output, exitStatus } = await files(diskAt("/data"), "all", "/data");
      expect({ output, exitStatus }).toEqual({ output: onHost().output, exitStatus: 0 });
      expectClean(join(place, "disk"));
    });

    test("keeps what was written, and is clean although a process of the guest still writes", async () => {
      await files(diskAt("/data"), "write", "/data", "kept", "for the next");
      const { output } = await files(diskAt("/data"), "leave", "/data");
      expect(output).toBe("a child writes: done\n");
      expectClean(join(place, "disk"));
      const shown = await files(diskAt("/elsewhere"), "show", "/elsewhere", "kept");
      expect(shown.output).toContain(": for the next\n");
    });

    test("is the one that was named, of several", async () => {
      const names = ["first", "second", "third"];
      for (const name of names) {
        const disks = { [`/${name}`]: { file: join(place, name), size: "8M" } };
        await files({ volumes: {}, disks }, "write", `/${name}`, "name", name);
      }
      const disks = Object.fromEntries(names.map((name) => [`/${name}`, { file: join(place, name) }]));
      const attachments = { ...volumeAt("/volume", place), disks };
      for (const name of names) {
        const { output } = await files(attachments, "show", `/${name}`, "name");
        expect(output).toContain(`: ${name}\n`);
      }
    });

    test("with a file system that is none to the kernel is told with its name", async () => {
      const file = join(place, "disk");
      await files(diskAt("/data"), "show", "/data", "none");
      truncateSync(file, 1 << 20);
      await expect(files(diskAt("/data"), "show", "/data", "none")).rejects.toMatchObject({
        code: "UKL-624",
        detail: {
          what: expect.stringMatching(/disk at \/data$/),
          cause: expect.stringContaining("EINVAL"),
          fix: expect.stringContaining("e2fsck"),
        },
      });
    });
  });

  const sqlite = (attachments: Attachments, sql: string) =>
    bootImage(
      { imagePath: imageOf("sqlite3", mode), args: ["-bail", "/data/test.db", sql], attachments },
      timeoutMs,
    );

  describe.each(["DELETE", "WAL"])("SQLite with a journal of the kind %s", (journal) => {
    const begin = `PRAGMA journal_mode=${journal}; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS t(n INTEGER, text TEXT);`;
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
      const { output, exitStatus } = await sqlite(diskAt("/data"), stream(20));
      expect({ exitStatus, commits: committed(output).length }).toEqual({ exitStatus: 0, commits: 20 });
      expectClean(join(place, "disk"));
      await expectIntact(diskAt("/data"), committed(output));
    });

    test.each([["a disk"], ["a volume"]])(
      "has all that it said was committed after a power cut, on %s",
      { timeout: longTimeoutMs },
      async (kind) => {
        const attachments = kind === "a disk" ? diskAt("/data") : volumeAt("/data", place);
        const output = await cutPower(attachments, stream(1000), /^committed 60$/m);
        const printed = committed(output);
        expect(printed.length).toBeGreaterThan(60);
        if (kind === "a disk") expect(header(join(place, "disk"))).toContain("needs_recovery");
        await expectIntact(attachments, printed);
        if (kind === "a disk") expectClean(join(place, "disk"));
      },
    );

    test("has all that it said was committed on a full disk", { timeout: longTimeoutMs }, async () => {
      const disk = diskAt("/data", "8M");
      const { output, exitStatus } = await sqlite(disk, stream(400, 20_000));
      expect(output).toMatch(/database or disk is full|disk I\/O error/);
      expect(exitStatus).not.toBe(0);
      expect(committed(output).length).toBeGreaterThan(20);
      expectClean(join(place, "disk"));
      await expectIntact(disk, committed(output));
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
      const ended = bootImage({ imagePath: imageOf("sqlite3", mode), args, attachments }, timeoutMs, {
        onConsole,
        signal: power.signal,
      });
      await expect(ended).rejects.toThrow("power cut");
      return output;
    }
  });
});

describe("ukl run", () => {
  const runAs = (options: CliOptions, ...args: string[]) =>
    ukl(["run", imageOf("files", "unikernel"), ...args], { cwd: place, ...options });
  const run = (...args: string[]) => runAs({}, ...args);

  test("makes a disk and mounts a directory, relative to where it is called", async () => {
    writeFileSync(join(place, "file"), "of the host");
    const { stdout, stderr } = await run(
      "-v",
      ".:/host:ro",
      "--disk",
      "new:8M",
      "--",
      "show",
      "/host",
      "file",
    );
    expect({ stdout, stderr }).toEqual({
      stdout: "file: mode 100644, 11 bytes, 1 links: of the host\n",
      stderr: "",
    });
    expect(statSync(join(place, "new")).size).toBe(8 << 20);
    expectClean(join(place, "new"));
  });

  test.each([
    ["a directory that is absent", ["-v", "absent:/host"], /^error\[UKL-620\][\s\S]*no such file/],
    ["a place that is not absolute", ["-v", ".:host"], /^error\[UKL-101\][\s\S]*absolute guest path/],
    ["a disk that is absent", ["--disk", "absent"], /^error\[UKL-620\][\s\S]*--disk/],
    ["a disk without a file system", ["--disk", "zeros"], /^error\[UKL-621\][\s\S]*ext4/],
  ])("refuses %s", async (_, args, expected) => {
    writeFileSync(join(place, "zeros"), Buffer.alloc(1 << 20));
    expect((await run(...args)).stderr).toMatch(expected);
  });

  test("of a user who is not root leaves files that are that user's", async () => {
    const nobody = 65534;
    const isRoot = process.getuid?.() === 0;
    const under = isRoot ? ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"] : [];
    for (const path of [scratch, place]) chmodSync(path, 0o777);
    const env = { XDG_CACHE_HOME: join(place, "cache") };
    const { stdout, stderr } = await runAs(
      { under, env },
      "-v",
      ".:/host",
      "--",
      "write",
      "/host",
      "file",
      "text",
    );
    expect({ stdout, stderr }).toEqual({ stdout: "file: done\n", stderr: "" });
    const { uid, mode } = statSync(join(place, "file"));
    expect([uid, mode.toString(8)]).toEqual([isRoot ? nobody : process.getuid?.(), "100644"]);
  });

  test("gives the guest an error when the host has no space left for the disk", async () => {
    const under = inMountNamespace(`mount -t tmpfs -o size=3M none '${place}' && cd '${place}'`);
    const args = ["--disk", "disk:64M", "--", "fill", "/data"];
    const { stdout, exitStatus } = await runAs({ under }, ...args);
    expect({ stdout, exitStatus }).toEqual({ stdout: "fill: Input/output error\n", exitStatus: 0 });
  });

  test("does not give one disk to two machines, and says who has it", async () => {
    await run("--disk", "disk:8M", "--", "show", "/data", "none");
    const power = new AbortController();
    let first: Promise<unknown> = Promise.resolve();
    await new Promise<void>((resolve) => {
      const request = { imagePath: imageOf("files", "unikernel"), args: ["wait", "/data"] };
      const console = { onConsole: () => resolve(), signal: power.signal };
      first = bootImage({ ...request, attachments: diskAt("/data") }, timeoutMs, console).catch(String);
    });
    const { stderr, exitStatus } = await run("--disk", "disk");
    power.abort(new Error("over"));
    expect(await first).toBe("Error: over");
    expect(stderr).toMatch(/^error\[UKL-622\][\s\S]*it is the disk of qemu-system-x86 \(process \d+\)/);
    expect(exitStatus).toBe(69);
  });
});
