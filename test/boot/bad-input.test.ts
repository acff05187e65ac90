// SPDX-License-Identifier: MIT
/** What is wrong only when it is run: too little memory, a port that is taken, a program that does not answer. */
import { execFileSync } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { chmod, copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ukl } from "../support/cli.js";
import { modes } from "../support/harness.js";
import { testLimit } from "../support/patience.js";
import { freePort } from "../support/server.js";

// Each command is a process of its own, and a test has many.
vi.setConfig({ testTimeout: testLimit(180_000) });

const program = `
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	printf("%d %d %d %d\\n", getuid(), geteuid(), getgid(), getegid());
	fflush(stdout);
	if (argc > 1 && !strcmp(argv[1], "mute")) {
		signal(SIGTERM, SIG_IGN);
		socket(AF_INET, SOCK_STREAM, 0);
		for (;;)
			pause();
	}
	return 0;
}
`;

let scratch: string;
const call = (...args: string[]) =>
  ukl(args, { cwd: scratch, env: { XDG_STATE_HOME: join(scratch, "state") } });

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-bad-run-"));
  await writeFile(join(scratch, "program.c"), program);
  execFileSync("gcc", ["-static", "-o", "program", "program.c"], { cwd: scratch });
  await writeFile(join(scratch, "data"), Buffer.alloc(8 << 20, 1));
  await copyFile(join(scratch, "program"), join(scratch, "raised"));
  await chmod(join(scratch, "raised"), 0o6755);
});

afterEach(async () => {
  await call("rm", "--force", "mute");
  expect(machines()).toEqual([]);
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

async function build(mode: string, image: string, ...args: string[]): Promise<void> {
  const output = ["--kernel", "generic", "--mode", mode, "-o", image];
  expect(await call("build", ...args, ...output)).toMatchObject({ exitStatus: 0, stderr: "" });
}

/** Processes in a guest's directory, which the machines of guests are. */
function machines(): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(join(scratch, "state"));
    } catch {
      return false;
    }
  });
}

describe.each(modes)("in %s mode", (mode) => {
  const image = `${mode}.elf`;
  beforeAll(() => build(mode, image, "program", "--include", "/data=data"));

  test("files that do not fit into the memory are refused, and the least that is accepted starts", async () => {
    const { exitStatus, stdout, stderr } = await call("run", image, "-m", "16M");
    expect({ exitStatus, stdout }).toEqual({ exitStatus: 65, stdout: "" });
    const least = Number(/^error\[UKL-235\][\s\S]*the least that starts is (\d+)M/m.exec(stderr)?.[1]);
    expect(await call("run", image, "-m", `${least - 1}M`)).toMatchObject({ exitStatus: 65 });
    expect(await call("run", image, "-m", `${least}M`)).toMatchObject({
      exitStatus: 0,
      stdout: "0 0 0 0\n",
    });
  });

  test("memory that the files do not fit into is refused when the image is built", async () => {
    const args = ["program", "--include", "/data=data", "-m", "16M", "--kernel", "generic", "-o", "none.elf"];
    expect(await call("build", ...args)).toMatchObject({
      exitStatus: 65,
      stderr: expect.stringContaining("error[UKL-235]"),
    });
    expect(readdirSync(scratch)).not.toContain("none.elf");
  });

  test("a port that is taken is told with who has it", async () => {
    const port = await freePort();
    const server = createServer().listen(port, "127.0.0.1");
    const { exitStatus, stdout, stderr } = await call("run", "-d", image, "-p", `127.0.0.1:${port}:80`);
    server.close();
    expect({ exitStatus, stdout }).toEqual({ exitStatus: 69, stdout: "" });
    expect(stderr).toMatch(new RegExp(`^error\\[UKL-606\\].*${port}.*\n.*\\(process ${process.pid}\\)`, "m"));
    expect((await call("ps", "--all", "--json")).stdout).toBe("[]\n");
    expect(machines()).toEqual([]);
  });

  test("a guest that never answers is seen to run, ends connections, and can be stopped", async () => {
    const port = await freePort();
    const ports = ["-p", `127.0.0.1:${port}:80`];
    expect(await call("run", "-d", image, "--guest", "mute", ...ports, "--", "mute")).toMatchObject({
      stdout: "mute\n",
      stderr: "",
    });
    expect((await call("ps")).stdout).toMatch(/^mute +running /m);
    const client = connect(port, "127.0.0.1");
    // passt takes connections, and ends those that the guest refuses.
    expect(await text(client).catch(({ code }) => code)).toMatch(/^(?:|ECONNRESET)$/);
    const startedMs = performance.now();
    expect(await call("stop", "mute", "--grace", "1")).toMatchObject({ exitStatus: 0 });
    expect(performance.now() - startedMs).toBeLessThan(8000);
    expect(JSON.parse((await call("ps", "--all", "--json")).stdout)).toMatchObject([
      { state: "exited", exitStatus: 137 },
    ]);
    expect(await call("rm", "mute")).toMatchObject({ exitStatus: 0 });
    expect(machines()).toEqual([]);
  });

  test("a guest that never answers is ended by --timeout, and what it said is there", async () => {
    const { exitStatus, stdout, stderr } = await call("run", image, "--timeout", "4", "--", "mute");
    expect({ exitStatus, stdout }).toEqual({ exitStatus: 69, stdout: "0 0 0 0\n" });
    expect(stderr).toMatch(
      /^error\[UKL-603\].*4 s\n.*had been running for \d\.\d s; the console is empty\n/m,
    );
  });

  test.each([
    [0, 0],
    [65534, 65533],
  ])(
    "a set-user-ID program that is started as %d:%d is raised as on this machine, or a note says so",
    async (uid, gid) => {
      const run = await call("run", "raised", "--kernel", "generic", "--mode", mode, "-u", `${uid}:${gid}`);
      // Whose file it is: a person's bits are not the guest's.
      const isRoot = process.getuid?.() === 0;
      const [euid, egid] = isRoot ? [0, 0] : [uid, gid];
      expect(run).toMatchObject({ exitStatus: 0, stdout: `${uid} ${euid} ${gid} ${egid}\n` });
      expect(/^note: .*raised loses its set-user-ID and set-group-ID/m.test(run.stderr)).toBe(!isRoot);
    },
  );
});

test("files that the kernel has no addresses for are refused with the limit, whatever their sizes", async () => {
  for (const sizes of [["520M"], ["300M", "300M"]]) {
    const include = sizes.map((size, index) => {
      execFileSync("truncate", ["--size", size, join(scratch, `large-${index}`)]);
      return `/large/${index}=large-${index}`;
    });
    const { exitStatus, stderr } = await call("run", "program", "-m", "4G", "--include", ...include);
    expect({ exitStatus, stderr }).toEqual({
      exitStatus: 65,
      stderr: expect.stringMatching(/UKL-235.*512 MiB of addresses.*volume/s),
    });
  }
});
