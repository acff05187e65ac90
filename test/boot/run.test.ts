// SPDX-License-Identifier: MIT
/** `ukl run` as a user meets it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cliPath, ukl } from "../support/cli.js";
import { modes } from "../support/harness.js";
import { processesWith } from "../support/processes.js";

let scratch: string;

const program = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "sleep")) {
		puts("sleeping");
		fflush(stdout);
		sleep(1000);
	}
	if (argc > 1 && !strcmp(argv[1], "copy")) {
		int c;
		while ((c = getchar()) != EOF)
			putchar(c);
		return 0;
	}
	printf("%s,%s\\n", argc > 1 ? argv[1] : "none", getenv("COLOUR") ? getenv("COLOUR") : "none");
	return argc > 2 ? atoi(argv[2]) : 0;
}
`;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-run-"));
  await writeFile(join(scratch, "program.c"), program);
  for (const mode of modes) {
    const args = [
      "build",
      "program.c",
      "--kernel",
      "generic",
      "--mode",
      mode,
      "-e",
      "COLOUR=red",
      "-o",
      `${mode}.elf`,
      "--",
      "built-in",
    ];
    const { exitStatus, stderr } = await ukl(args, { cwd: scratch });
    expect({ exitStatus, stderr }).toEqual({ exitStatus: 0, stderr: "" });
  }
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

const run = (args: readonly string[], stdin?: string) =>
  ukl(["run", ...args], { cwd: scratch, ...(stdin === undefined ? {} : { stdin }) });

describe.each(modes)("a %s image", (mode) => {
  const image = `${mode}.elf`;

  test("runs with the arguments and the environment it was built with", async () => {
    expect(await run([image])).toEqual({ exitStatus: 0, stdout: "built-in,red\n", stderr: "" });
  });

  test("runs with other arguments, and its exit status is returned", async () => {
    expect(await run([image, "--", "other", "42"])).toEqual({
      exitStatus: 42,
      stdout: "other,red\n",
      stderr: "",
    });
  });

  test("runs with another environment", async () => {
    expect(await run([image, "-e", "COLOUR=blue"])).toEqual({
      exitStatus: 0,
      stdout: "built-in,blue\n",
      stderr: "",
    });
  });

  test("reads stdin to its end, without echo and byte for byte", async () => {
    const stdin = "first\nsecond \x03\x1a\r\xff\nlast without newline";
    const { stdout } = await run([image, "--", "copy"], stdin);
    expect(stdout).toBe(stdin);
  });

  test("whose application cannot be started says why", async () => {
    // Longer than MAX_ARG_STRLEN, and so too long for the host's own execve(2).
    const config = join(scratch, "long.json");
    await writeFile(config, JSON.stringify({ args: ["x".repeat(128 * 1024)] }));
    const { exitStatus, stderr } = await run([image, "--config", config]);
    expect(stderr).toMatch(/^error\[UKL-604\][\s\S]+execve failed with E2BIG/);
    expect(exitStatus).toBe(69);
  });

  test("is ended by --timeout", async () => {
    const { exitStatus, stdout, stderr } = await run([image, "--timeout", "4", "--", "sleep"]);
    expect(stdout).toBe("sleeping\n");
    expect(stderr).toMatch(/^error\[UKL-603\]/);
    expect(exitStatus).toBe(69);
  });

  test("is ended by Ctrl-C, with the status of a shell and no process left", async () => {
    const child = spawn(
      process.execPath,
      [cliPath, "run", image, "--append", "ukl.test=ctrl-c", "--", "sleep"],
      { cwd: scratch },
    );
    await once(child.stdout, "data");
    child.kill("SIGINT");
    const [code] = await once(child, "close");
    expect(code).toBe(130);
    expect(processesWith("ukl.test=ctrl-c")).toEqual([]);
  });

  test("says with --dry-run what it would execute", async () => {
    const { stdout, exitStatus } = await run([
      image,
      "--dry-run",
      "-m",
      "64M",
      "--smp",
      "2",
      "--accel",
      "tcg",
    ]);
    expect(exitStatus).toBe(0);
    expect(stdout).toMatch(/^qemu-system-x86_64 -M microvm,.* -smp 2 -m 64M .*-kernel /);
  });
});

test("an application is built and booted in one go", async () => {
  expect(await run(["program.c", "--kernel", "generic", "--", "direct", "3"])).toEqual({
    exitStatus: 3,
    stdout: "direct,none\n",
    stderr: "",
  });
});

test.each(modes)("one go waits for no kernel, and names what the generic one lacks: %s", async (mode) => {
  const source = '#include <sys/swap.h>\nint main(void) { return swapon("/none", 0) == -1 ? 7 : 0; }\n';
  await writeFile(join(scratch, "swap.c"), source);
  const { exitStatus, stderr } = await run(["swap.c", "--mode", mode]);
  expect(exitStatus).toBe(7);
  expect(stderr).toMatch(/^note: generic kernel: .*; this one lacks (\w+, )*CONFIG_SWAP\b/m);
});

test("a unikernel image does not become one by asking: a classic image refuses unikernel mode", async () => {
  const { exitStatus, stderr } = await run(["classic.elf", "--mode", "unikernel"]);
  expect(stderr).toMatch(/^error\[UKL-503\]/);
  expect(exitStatus).toBe(65);
});
