// SPDX-License-Identifier: MIT
/** Container images in the odd forms, from the command line; what is right is what Docker does with them. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { ukl } from "../support/cli.js";
import { modes } from "../support/harness.js";
import { patience, testLimit } from "../support/patience.js";
import { type Member, writeLayout } from "../targets/layout.js";

vi.setConfig({ testTimeout: testLimit(180_000) });
const scratch = mkdtempSync(join(tmpdir(), "ukl-containers-"));
const env = { XDG_STATE_HOME: join(scratch, "state") };
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const busybox = readFileSync("/usr/bin/busybox");
const applets = ["sh", "cat", "echo", "grep", "id", "ls", "mkdir", "pwd", "sleep", "stat"];
const base: readonly Member[] = [
  { name: "bin/busybox", mode: 0o755, data: busybox },
  ...applets.map((name) => ({ name: `bin/${name}`, type: "symlink", linkname: "busybox" }) as const),
  { name: "etc/passwd", data: "root:x:0:0::/root:/bin/sh\nweb:x:1000:1000::/home/web:/bin/sh\n" },
];
let count = 0;

/** The layout of an image with these members over the usual ones. */
function image(config: Readonly<Record<string, unknown>>, ...members: readonly Member[]): Promise<string> {
  const path = join(scratch, `layout-${++count}`);
  return writeLayout(path, { layers: [base, members], config: { Env: ["PATH=/bin"], ...config } });
}

const shell = (script: string, ...lines: readonly string[]) => ({
  Cmd: ["/bin/sh", "-c", [script, ...lines].join("; ")],
});
const call = (...args: readonly string[]) => ukl(args, { cwd: scratch, env });

describe.each(modes)("in %s mode", (mode) => {
  const run = async (path: string, ...flags: readonly string[]) => {
    const { exitStatus, stdout } = await call(
      "run",
      `oci:${path}`,
      "--kernel",
      "generic",
      "--mode",
      mode,
      ...flags,
    );
    return { exitStatus, stdout };
  };

  test("the working directory and those of volumes are made, as root's", async () => {
    const made = { WorkingDir: "/link/there", Volumes: { "/data": {} }, User: "web" };
    const config = {
      ...shell("pwd", "id -u", "stat -c '%u %a %n' /not/there /data", "mkdir x 2>/dev/null || exit 3"),
      ...made,
    };
    const path = await image(
      config,
      { name: "link", type: "symlink", linkname: "/not" },
      { name: "not/", type: "directory" },
    );
    expect(await run(path)).toEqual({
      exitStatus: 3,
      stdout: "/not/there\n1000\n0 755 /not/there\n0 755 /data\n",
    });
  });

  test("a group without a user is root's", async () => {
    const path = await image({ ...shell("id -u", "id -g"), User: ":5" });
    expect(await run(path)).toEqual({ exitStatus: 0, stdout: "0\n5\n" });
  });

  test("pipes, devices and deep directories are there", async () => {
    const members: Member[] = [
      { name: "spool/pipe", type: "fifo", mode: 0o622 },
      { name: "spool/null", type: "character-device", devmajor: 1, devminor: 3, mode: 0o666 },
      { name: `${"a/".repeat(500)}f`, data: "deep\n" },
    ];
    const script = shell(
      "stat -c '%F %a %n' /spool/*",
      "echo lost > /spool/null && echo wrote",
      `cat /${"a/".repeat(500)}f`,
    );
    const stdout = "character special file 666 /spool/null\nfifo 622 /spool/pipe\nwrote\ndeep\n";
    expect(await run(await image(script, ...members))).toEqual({ exitStatus: 0, stdout });
  });

  test("the capability of a file counts", async () => {
    // struct vfs_cap_data, revision 2: effective, CAP_NET_BIND_SERVICE (10) permitted. In a record it is text.
    const value = Buffer.from("0100000200040000000000000000000000000000", "hex").toString("latin1");
    const members: Member[] = [
      { name: "caps/cat", mode: 0o755, data: busybox, pax: { "SCHILY.xattr.security.capability": value } },
    ];
    const path = await image({ Cmd: ["/caps/cat", "/proc/self/status"], User: "1000" }, ...members);
    const { stdout } = await run(path);
    expect(/^CapEff:\t(\w+)$/m.exec(stdout)?.[1]).toBe("0000000000000400");
  });

  test("stop sends what the image asks for, and else SIGTERM", async () => {
    const traps = ["QUIT", "TERM"].map((name) => `trap 'echo got ${name}; exit 9' ${name}`);
    const script = shell(traps[0] ?? "", traps[1] ?? "", "echo up", "while :; do sleep 1; done");
    for (const [StopSignal, expected] of [
      ["SIGQUIT", "QUIT"],
      [undefined, "TERM"],
    ] as const) {
      const path = await image({ ...script, StopSignal });
      const started = await call("run", "-d", `oci:${path}`, "--kernel", "generic", "--mode", mode);
      const name = started.stdout.trim();
      expect(started.exitStatus).toBe(0);
      try {
        await expect
          .poll(async () => (await call("logs", name)).stdout, { timeout: patience(60_000) })
          .toContain("up\n");
        expect(await call("stop", name)).toMatchObject({ exitStatus: 0 });
        expect((await call("logs", name)).stdout).toBe(`up\ngot ${expected}\n`);
        expect(await call("wait", name)).toMatchObject({ exitStatus: 9 });
      } finally {
        await call("rm", "--force", name);
      }
    }
  });
});

test.each([
  ["/bin/absent", 127],
  ["absent", 127],
  ["/etc", 126],
  ["/etc/passwd", 126],
])("an entrypoint %s ends with Docker's status, by its name", async (name, status) => {
  const outcome = await call("run", `oci:${await image({ Entrypoint: [name] })}`, "--kernel", "generic");
  expect(outcome).toMatchObject({
    exitStatus: status,
    stderr: expect.stringContaining(`the entrypoint '${name}' of `),
  });
});
