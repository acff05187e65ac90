// SPDX-License-Identifier: MIT
/** Guests with a network: servers as Debian has them, with real clients on the host, and what leads out of a guest. */
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ukl } from "../support/cli.js";
import { bootImage, buildImage, modes } from "../support/harness.js";
import { ask, freePort, type Server, startServer } from "../support/server.js";

const execute = promisify(execFile);
const source = (name: string) => fileURLToPath(new URL(`network/${name}`, import.meta.url));
const timeoutMs = 60_000;
const testTimeoutMs = 120_000;
const page = "a page of some bytes\n".repeat(5000);
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-network-"));
  await writeFile(join(scratch, "page.txt"), page);
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe.each(modes)("in %s mode", (mode) => {
  const imageOf = (name: string) => join(scratch, `${name}-${mode}.elf`);
  // A call that the analysis missed ends the program.
  const common = { mode, mask: { default: "kill" } } as const;

  beforeAll(async () => {
    await buildImage(
      { program: "/usr/bin/redis-server", ...common, args: ["--save", "", "--protected-mode", "no"] },
      imageOf("redis"),
    );
    await buildImage(
      { program: "/usr/bin/memcached", ...common, args: ["-u", "root", "-t", "4"] },
      imageOf("memcached"),
    );
    const nginxFiles = {
      "/etc/nginx/test.conf": source("nginx.conf"),
      "/srv/page.txt": join(scratch, "page.txt"),
    };
    await buildImage(
      {
        program: "/usr/sbin/nginx",
        ...common,
        args: ["-c", "/etc/nginx/test.conf"],
        files: { include: nginxFiles },
      },
      imageOf("nginx"),
    );
    await buildImage({ program: "/bin/bash", ...common }, imageOf("bash"));
    await buildImage({ program: "/usr/bin/getent", ...common }, imageOf("getent"));
    for (const name of ["udp-echo", "loopback"]) {
      await buildImage({ inputs: [source(`${name}.c`)], ...common }, imageOf(name));
    }
  });

  /** Runs `work` with the server, and wants it to end by itself or by us without a word of the kernel. */
  async function withServer(
    name: string,
    options: readonly string[],
    work: (server: Server) => Promise<void>,
  ) {
    const server = startServer(imageOf(name), ["--timeout", "100", ...options]);
    try {
      await work(server);
      expect(server.output()).not.toMatch(/killed|masked|Oops|BUG:|WARNING: CPU|Call Trace|error\[/);
    } catch (error) {
      throw new Error(`${name} said: ${server.output()}`, { cause: error });
    } finally {
      await server.stop();
    }
  }

  test("redis serves over IPv4 and IPv6, and ends with its own status", {
    timeout: testTimeoutMs,
  }, async () => {
    const port = await freePort();
    const beginMs = performance.now();
    await withServer("redis", ["-p", `${port}:6379`], async (server) => {
      await ask(port, "PING\r\n", /^\+PONG\r\n/);
      process.stdout.write(
        `${mode}: ukl run redis-server to the first PONG: ${Math.round(performance.now() - beginMs)} ms\n`,
      );
      await ask(port, "PING\r\n", /^\+PONG\r\n/, "::1");
      const { stdout } = await execute(
        "redis-benchmark",
        ["-p", String(port), "-n", "2000", "-t", "set,get", "--csv"],
        {
          timeout: timeoutMs,
        },
      );
      expect(stdout).toMatch(/^"SET",/m);
      expect(stdout).toMatch(/^"GET",/m);
      await ask(port, "SET colour red\r\nGET colour\r\n", /\$3\r\nred\r\n$/);
      await execute("redis-cli", ["-p", String(port), "shutdown", "nosave"], { timeout: timeoutMs });
      expect(await server.ended).toBe(0);
    });
  });

  test("memcached serves with four threads", { timeout: testTimeoutMs }, async () => {
    const port = await freePort();
    await withServer("memcached", ["-p", `127.0.0.1:${port}:11211`], async () => {
      await ask(port, "set colour 0 0 3\r\nred\r\n", /^STORED\r\n/);
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => ask(port, "get colour\r\n", /END\r\n$/)),
      );
      expect(new Set(answers)).toEqual(new Set(["VALUE colour 0 3\r\nred\r\nEND\r\n"]));
      expect(await ask(port, "stats\r\n", /END\r\n$/)).toMatch(/STAT threads 4\r\n/);
    });
  });

  test("nginx serves a file with a master and two workers", { timeout: testTimeoutMs }, async () => {
    const port = await freePort();
    await withServer("nginx", ["-p", `${port}:80`, "--smp", "2"], async (server) => {
      await ask(port, "HEAD / HTTP/1.0\r\n\r\n", /^HTTP\/1.1 \d+/);
      for (const host of ["127.0.0.1", "[::1]"]) {
        const { stdout } = await execute("curl", ["-sS", "-m", "30", `http://${host}:${port}/page.txt`]);
        expect(stdout).toBe(page);
      }
      expect(server.output().match(/start worker process /g)).toHaveLength(2);
    });
  });

  test("a datagram comes back over IPv4 and IPv6", { timeout: testTimeoutMs }, async () => {
    const port = await freePort();
    await withServer("udp-echo", ["-p", `${port}:7/udp`], async (server) => {
      for (const [kind, host] of [
        ["udp4", "127.0.0.1"],
        ["udp6", "::1"],
      ] as const) {
        const socket = createSocket(kind);
        const answered = once(socket, "message");
        const timer = setInterval(() => socket.send(`to ${host}`, port, host), 100);
        const [bytes] = (await answered) as [Buffer];
        clearInterval(timer);
        socket.close();
        expect(bytes.toString()).toBe(`to ${host}`);
      }
      const last = createSocket("udp4");
      last.send("end", port, "127.0.0.1");
      expect(await server.ended).toBe(0);
      last.close();
    });
  });

  test("a guest reaches the host's loopback interface at its gateway", {
    timeout: testTimeoutMs,
  }, async () => {
    const server = createServer((socket) => socket.end(`hello ${socket.remoteFamily}\n`));
    server.listen(0);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const script = `for host in 10.0.2.2 _gateway fd75:6b6c::2; do
      exec 3<>/dev/tcp/$host/${port} && read line <&3 && echo $line; done`;
    const { exitStatus, output, masked } = await bootImage(
      { imagePath: imageOf("bash"), args: ["-c", script] },
      timeoutMs,
    );
    server.close();
    expect({ exitStatus, output, masked }).toMatchObject({ exitStatus: 0, masked: [] });
    // The host's server listens with one socket for both families.
    expect(output.split("\n").slice(0, 3)).toEqual(Array.from({ length: 3 }, () => "hello IPv6"));
  });

  test("names are asked of the host's name server, with no interface but loopback", {
    timeout: testTimeoutMs,
  }, async () => {
    await writeFile(join(scratch, "resolv.conf"), "nameserver 127.0.0.1\n");
    const script = `ip link set lo up && mount --bind "$1" /etc/resolv.conf || exit 99
      "$2" "$3" & server=$!; shift 3; sleep 1; "$@"; status=$?; kill $server; exit $status`;
    const under = [
      "unshare",
      "-rnm",
      "sh",
      "-c",
      script,
      "sh",
      join(scratch, "resolv.conf"),
      process.execPath,
      source("name-server.js"),
    ];
    const { exitStatus, stdout, stderr } = await ukl(
      ["run", imageOf("getent"), "--", "ahostsv4", "host.ukl.test"],
      { under },
    );
    expect({ exitStatus, stderr }).toEqual({ exitStatus: 0, stderr: "" });
    expect(stdout).toMatch(/^192\.0\.2\.99 +STREAM host\.ukl\.test\n/);
  });

  test("a guest without a card talks to itself", { timeout: testTimeoutMs }, async () => {
    const { output, masked } = await bootImage({ imagePath: imageOf("loopback"), net: "none" }, timeoutMs);
    expect({ output, masked }).toEqual({ output: "xx\n", masked: [] });
  });

  test("a tap interface leads to the guest's own addresses", { timeout: testTimeoutMs }, async () => {
    const script = `ip link set lo up && ip tuntap add tap0 mode tap && ip address add 10.9.0.1/24 dev tap0 &&
      ip address add fd09::1/64 dev tap0 nodad && ip link set tap0 up || exit 99
      "$@" & guest=$!
      for host in 10.9.0.2 fd09::2; do
        for try in $(seq 300); do timeout 5 redis-cli -h $host ping 2>/dev/null && break; sleep 0.1; done
      done
      redis-cli -h 10.9.0.2 shutdown nosave; wait $guest`;
    const under = ["unshare", "-rn", "sh", "-c", script, "sh"];
    const { exitStatus, stdout, stderr } = await ukl(["run", imageOf("redis"), "--net", "tap:tap0"], {
      under,
    });
    expect(stderr).toBe("note: the guest is at 10.9.0.2 and fd09::2\n");
    expect(stdout.match(/^PONG$/gm)).toHaveLength(2);
    expect(exitStatus).toBe(0);
  });

  test("QEMU's own network serves too, with a warning", { timeout: testTimeoutMs }, async () => {
    const port = await freePort();
    await withServer("redis", ["--net", "user", "-p", `127.0.0.1:${port}:6379`], async (server) => {
      await ask(port, "PING\r\n", /^\+PONG\r\n/);
      expect(server.output()).toMatch(/^note: QEMU's user network stalls/);
    });
  });

  test("nothing is left when ukl is killed", { timeout: testTimeoutMs }, async () => {
    const port = await freePort();
    const server = startServer(imageOf("redis"), ["-p", `${port}:6379`]);
    await ask(port, "PING\r\n", /^\+PONG\r\n/);
    expect(processesWith(`${port}:6379`).length).toBeGreaterThan(1);
    server.process.kill("SIGKILL");
    await server.ended;
    await expect.poll(() => processesWith(`${port}:6379`), { timeout: 5000 }).toEqual([]);
    await expect.poll(() => processesWith(imageOf("redis")), { timeout: 5000 }).toEqual([]);
  });

  test("a port that is taken says by whom, and nothing is started", { timeout: testTimeoutMs }, async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    const { exitStatus, stdout, stderr } = await ukl(["run", imageOf("redis"), "-p", `${port}:6379`]);
    holder.close();
    expect({ exitStatus, stdout }).toEqual({ exitStatus: 69, stdout: "" });
    expect(stderr).toMatch(
      new RegExp(`^error\\[UKL-606\\]: port ${port} .*taken\\n {2}cause: .*process ${process.pid}\\)`),
    );
  });
});

test("ports of an image are those it was built with, unless the run has its own", async () => {
  const image = join(scratch, "ports.elf");
  await buildImage({ inputs: [source("udp-echo.c")], run: { ports: ["1234:7/udp"], net: "passt" } }, image);
  const dryRun = async (...options: string[]) => (await ukl(["run", image, "--dry-run", ...options])).stdout;
  expect(await dryRun()).toMatch(/^passt .*--udp-ports 1234:7\nqemu-system-x86_64 .*virtio-net-device/);
  expect(await dryRun("-p", "80:80")).toMatch(/^passt .*--tcp-ports 80:80\nqemu/);
});

test.each([
  ["-p", "80"],
  ["-p", "99999:1"],
  ["--net", "slirp"],
])("%s %s is an error of the command line", async (...words) => {
  const { exitStatus, stderr } = await ukl(["run", "x.elf", ...words]);
  expect(stderr).toMatch(/^error\[UKL-101\]/);
  expect(exitStatus).toBe(64);
});

/** Of running processes but this one. A process may end while we look. */
function processesWith(word: string): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((id) => {
      try {
        return readFileSync(`/proc/${id}/cmdline`, "latin1").replaceAll("\0", " ");
      } catch {
        return "";
      }
    })
    .filter((line) => line.includes(word));
}
