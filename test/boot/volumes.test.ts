// SPDX-License-Identifier: MIT
/** Data that outlive the machine: directories of the host (-v) and disks (--disk), with the host as reference. */
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
import { diskAt, expectClean, volumeAt } from "../support/attachments.js";
import { type CliOptions, inMountNamespace, ukl } from "../support/cli.js";
import { bootImage, buildImage, modes, whenShown } from "../support/harness.js";

const timeoutMs = 50_000;
const source = fileURLToPath(new URL("volumes/files.c", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "ukl-volumes-"));
const program = join(scratch, "files");
let place: string;

const imageOf = (mode: string) => join(scratch, `files-${mode}.elf`);
/** The disk of a test. */
const disk = () => join(place, "disk");

beforeAll(async () => {
  execFileSync("gcc", ["-O1", "-static", "-o", program, source]);
  for (const mode of modes) {
    // A call that the analysis missed ends the program; those of init are not the application's.
    const mask = { default: "kill" } as const;
    await buildImage({ program, mode, mask }, imageOf(mode));
  }
});

beforeEach(() => {
  place = mkdtempSync(join(scratch, "place-"));
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

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

describe.each(modes)("in %s mode", (mode) => {
  const files = (attachments: Attachments, ...args: string[]) =>
    bootImage({ imagePath: imageOf(mode), args, attachments }, timeoutMs);

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
      const onOutput = whenShown(/asked/, () => {
        question = readFileSync(file("question"), "utf8");
        writeFileSync(file("answer"), "answered", { flag: "r+" });
      });
      const request = { imagePath: imageOf(mode), args: ["converse", "/host"] };
      const attachments = volumeAt("/host", place);
      const { output } = await bootImage({ ...request, attachments }, timeoutMs, { onOutput });
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
      const { output, exitStatus } = await files(diskAt("/data", disk()), "all", "/data");
      expect({ output, exitStatus }).toEqual({ output: onHost().output, exitStatus: 0 });
      expectClean(disk());
    });

    test("keeps what was written, and is clean although a process of the guest still writes", async () => {
      await files(diskAt("/data", disk()), "write", "/data", "kept", "for the next");
      const { output } = await files(diskAt("/data", disk()), "leave", "/data");
      expect(output).toBe("a child writes: done\n");
      expectClean(disk());
      const shown = await files(diskAt("/elsewhere", disk()), "show", "/elsewhere", "kept");
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
      const file = disk();
      await files(diskAt("/data", disk()), "show", "/data", "none");
      truncateSync(file, 1 << 20);
      await expect(files(diskAt("/data", disk()), "show", "/data", "none")).rejects.toMatchObject({
        code: "UKL-624",
        detail: {
          what: expect.stringMatching(/disk at \/data$/),
          cause: expect.stringContaining("EINVAL"),
          fix: expect.stringContaining("e2fsck"),
        },
      });
    });
  });
});

describe("ukl run", () => {
  const runAs = (options: CliOptions, ...args: string[]) =>
    ukl(["run", imageOf("unikernel"), ...args], { cwd: place, ...options });
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
    const user = [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
    // This checkout may be in root's own directory, where others may not even look.
    const reads = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"];
    const under = isRoot ? ["setpriv", ...user, ...reads] : [];
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
    // The kernel says what happened to the disk, too.
    expect(stdout).toMatch(/^fill: Input\/output error$/m);
    expect(exitStatus).toBe(0);
  });

  test("does not give one disk to two machines, and says who has it", async () => {
    await run("--disk", "disk:8M", "--", "show", "/data", "none");
    const power = new AbortController();
    let first: Promise<unknown> = Promise.resolve();
    await new Promise<void>((resolve) => {
      const request = { imagePath: imageOf("unikernel"), args: ["wait", "/data"] };
      const console = { onOutput: () => resolve(), signal: power.signal };
      first = bootImage({ ...request, attachments: diskAt("/data", disk()) }, timeoutMs, console).catch(
        String,
      );
    });
    const { stderr, exitStatus } = await run("--disk", "disk");
    power.abort(new Error("over"));
    expect(await first).toBe("Error: over");
    expect(stderr).toMatch(/^error\[UKL-622\][\s\S]*it is the disk of qemu-system-x86 \(process \d+\)/);
    expect(exitStatus).toBe(69);
  });
});
