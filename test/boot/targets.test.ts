// SPDX-License-Identifier: MIT
/** Scripts, packages and container images as targets; the host is the reference. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { ConfigurationFlags } from "../../src/config/schema.js";
import { bootImage, buildImage, modes, whenShown } from "../support/harness.js";
import { testLimit } from "../support/patience.js";
import { gzip, type ImageParts, writeLayout } from "../targets/layout.js";

const timeoutMs = 60_000;
/** What comes with an interpreter is inspected with it, once. */
const inspectionMs = testLimit(300_000);
const scratch = mkdtempSync(join(tmpdir(), "ukl-targets-"));
const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", TERM: "linux" };

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function script(name: string, text: string): string {
  const path = join(scratch, name);
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

async function boot(
  mode: "unikernel" | "classic",
  target: ConfigurationFlags,
  args: readonly string[] | undefined,
) {
  const image = join(scratch, `image-${mode}.elf`);
  await buildImage({ ...target, mode }, image);
  const { exitStatus, output, masked } = await bootImage(
    { imagePath: image, ...(args === undefined ? {} : { args }) },
    timeoutMs,
  );
  return { exitStatus, output, masked };
}

function onHost(path: string, args: readonly string[]) {
  const { status, stdout } = spawnSync(path, args, { env: environment, encoding: "latin1" });
  return { exitStatus: status, output: stdout, masked: [] };
}

const python = `import decimal, hashlib, json, sqlite3, sys, threading
results = []
threads = [threading.Thread(target=lambda n=n: results.append(n * n)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
database = sqlite3.connect(":memory:")
print(sys.argv, sys.orig_argv, sorted(results), database.execute("select 6 * 7").fetchone())
print(json.dumps({"pi": str(decimal.Decimal(22) / 7)}), hashlib.sha256(b"x").hexdigest())
sys.exit(3)
`;

const perl = `use strict; use POSIX qw(floor); use List::Util qw(sum); use Data::Dumper;
local $Data::Dumper::Terse = 1;
print "$^W $0 @ARGV ", floor(3.7), " ", sum(1 .. 10), " ", Dumper({ a => [1, 2] }); exit 4;
`;

describe.each(modes)("in %s mode", (mode) => {
  test(
    "a script of Python finds its interpreter through env, and all of the library",
    async () => {
      const path = script("tool.py", `#!/usr/bin/env -S /usr/bin/python3 -B\n${python}`);
      expect(await boot(mode, { program: path }, ["a", "b c"])).toEqual(onHost(path, ["a", "b c"]));
    },
    inspectionMs,
  );

  test(
    "a script of Perl keeps its interpreter's argument",
    async () => {
      const path = script("tool.pl", `#!/usr/bin/perl -w\n${perl}`);
      expect(await boot(mode, { program: path }, ["x"])).toEqual(onHost(path, ["x"]));
    },
    inspectionMs,
  );

  test(
    "a script of a shell is another script's interpreter",
    async () => {
      const inner = script("inner.sh", '#!/bin/bash -u\necho "$0" "$@" $((6 * 7)); exit 9\n');
      const path = script("outer", `#!${inner} two words\n`);
      expect(await boot(mode, { program: path }, ["x"])).toEqual(onHost(path, ["x"]));
    },
    inspectionMs,
  );

  test(
    "a package's program finds its configuration and its accounts",
    async () => {
      const args = ["-c", "-V", "-f", "/etc/haproxy/haproxy.cfg"];
      expect(await boot(mode, { package: "haproxy" }, args)).toEqual(onHost("/usr/sbin/haproxy", args));
    },
    inspectionMs,
  );

  test(
    "a package's program finds the directory below /run that its package declares",
    async () => {
      const imagePath = join(scratch, `memcached-${mode}.elf`);
      const args = ["-u", "memcache", "-vv", "-s", "/run/memcached/socket"];
      await buildImage({ package: "memcached", mode, args }, imagePath);
      const ready = new AbortController();
      const onOutput = whenShown(/server listening/, () => ready.abort("it listens"));
      const ended = bootImage({ imagePath }, timeoutMs, { onOutput, signal: ready.signal });
      await expect(ended).rejects.toBe("it listens");
    },
    inspectionMs,
  );

  test("a container image starts as its user, in its directory, with its environment", async () => {
    const image = await writeLayout(join(scratch, `layout-${mode}`), container);
    const layers = ["uid=33(web) gid=34(web) groups=4(logs)", "/srv"];
    const rest = ["-rw-r----- 33 34", "made", "refused", ""];
    expect(await boot(mode, { image: `oci:${image}:v1` }, undefined)).toEqual({
      exitStatus: 5,
      output: [...layers, "b c one", ...rest].join("\n"),
      masked: [],
    });
    expect((await boot(mode, { image }, ["two words", "x"])).output).toContain("\nb c two words x\n");
  });
});

const busybox = readFileSync("/usr/bin/busybox");
const applet = (name: string) => ({ name: `bin/${name}`, type: "symlink", linkname: "busybox" }) as const;
const start = `#!/bin/sh
id; pwd; echo "$A" "$@"; stat -c '%A %u %g' file
touch mine && echo made; touch /etc/x 2>/dev/null || echo refused; exit 5
`;

const container: ImageParts = {
  tag: "v1",
  compress: gzip,
  config: {
    Entrypoint: ["start"],
    Cmd: ["one"],
    Env: ["PATH=/bin", "A=b c"],
    WorkingDir: "/srv",
    User: "web",
  },
  layers: [
    [
      { name: "bin/busybox", mode: 0o755, data: busybox },
      ...["sh", "id", "stat", "touch"].map(applet),
      { name: "etc/passwd", data: "root:x:0:0::/:/bin/sh\nweb:x:33:34::/:/bin/sh\n" },
      { name: "etc/group", data: "root:x:0:\nweb:x:34:\nlogs:x:4:web\n" },
    ],
    [
      { name: "bin/start", mode: 0o755, data: start },
      { name: "srv/", type: "directory", mode: 0o755, uid: 33, gid: 34 },
      { name: "srv/file", data: "x", uid: 33, gid: 34, mode: 0o640 },
    ],
  ],
};
