// SPDX-License-Identifier: MIT
/** A program that the host does not start: the cause is the host's, by whichever door it was to be started. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBeside, startDetached } from "../../src/host/detached.js";
import { attempt, type Command } from "../../src/host/exec.js";
import { runTracer } from "../../src/host/foreground.js";
import { start } from "../../src/host/spawn.js";
import { ukl } from "../support/cli.js";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ukl-not-started-"));
  await writeFile(join(directory, "not-executable"), "#!/bin/sh\n");
  await writeFile(join(directory, "no-interpreter"), "#!/no/such/interpreter\n");
  await chmod(join(directory, "no-interpreter"), 0o755);
  await mkdir(join(directory, "directory"));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

const outputs = () => ({ directory, stdout: "stdout", stderr: "stderr" });

/** Ways in which programs are started; each takes a command. */
const doors: Readonly<Record<string, (command: Command) => Promise<unknown>>> = {
  "to its end": (command) => attempt(command),
  "beside us": (command) => {
    const tool = start(command);
    tool.stdout.resume();
    return tool.ended;
  },
  "by itself": (command) => startDetached(command, outputs()),
  "at the end of a line": (command) => startBeside(command),
  "with the terminal": (command) => runTracer(command, { stdout: "stdout" }),
};

describe.each(Object.entries(doors))("a program that is to run %s", (door, open) => {
  test("and is not there is a missing tool", async () => {
    await expect(open({ tool: "no-such-tool", args: [] })).rejects.toMatchObject({ code: "UKL-401" });
  });

  test("and may not be executed is told with its file", async () => {
    const tool = join(directory, "not-executable");
    await expect(open({ tool, args: [] })).rejects.toMatchObject({
      code: "UKL-408",
      detail: { cause: `${tool} may not be executed (EACCES)` },
    });
  });

  // 128 KiB is MAX_ARG_STRLEN of include/uapi/linux/binfmts.h: no single argument may be as long.
  test("and has too long a command line is told so", async () => {
    await expect(open({ tool: "true", args: ["x".repeat(128 * 1024)] })).rejects.toMatchObject({
      code: "UKL-408",
      detail: { cause: expect.stringMatching(/^its command line takes 1310\d\d bytes.*E2BIG/) },
    });
  });

  // A shell waits in the place of one that runs by itself: it says later what it found.
  if (door === "by itself") return;

  test("and lacks its interpreter is not called missing", async () => {
    const tool = join(directory, "no-interpreter");
    await expect(open({ tool, args: [] })).rejects.toMatchObject({
      code: "UKL-408",
      detail: { cause: expect.stringContaining("interpreter") },
    });
  });
});

test.each(["missing", "not-executable"])(
  "a working directory that is none (%s) is no missing tool",
  async (name) => {
    const cwd = join(directory, name);
    const failure = {
      code: "UKL-408",
      detail: { cause: expect.stringContaining(`working directory ${cwd}`) },
    };
    await expect(attempt({ tool: "true", args: [], cwd })).rejects.toMatchObject(failure);
    const tool = start({ tool: "true", args: [], cwd });
    await expect(tool.ended).rejects.toMatchObject(failure);
    const elsewhere = { ...outputs(), directory: cwd };
    await expect(startDetached({ tool: "true", args: [] }, elsewhere)).rejects.toThrow(cwd);
  },
);

test("a compiler that may not be executed is told by ukl build", async () => {
  await writeFile(join(directory, "main.c"), "int main(void) { return 0; }\n");
  const { stderr, exitStatus } = await ukl(["build", "main.c", "--cc", "./not-executable"], {
    cwd: directory,
  });
  expect(stderr).toMatch(/^error\[UKL-408\].*\n {2}cause: .*not-executable may not be executed/);
  expect(exitStatus).toBe(69);
});
