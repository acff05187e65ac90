// SPDX-License-Identifier: MIT
/** Guests with a network: what leads into a guest and out of it. Servers at work are in test/programs. */
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { on, once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ukl } from "../support/cli.js";
import { bootImage, buildImage, modes } from "../support/harness.js";
import { patience, testLimit } from "../support/patience.js";
import { processesWith } from "../support/processes.js";
import { ask, freePort, type Server, startServer, withServer } from "../support/server.js";

const source = (name: string) => fileURLToPath(new URL(`network/${name}`, import.meta.url));
const timeoutMs = 60_000;
const testTimeoutMs = testLimit(120_000);
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-network-"));
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
    await buildImage({ program: "/bin/bash", ...common }, imageOf("bash"));
    await buildImage({ program: "/usr/bin/getent", ...common }, imageOf("getent"));
    for (const name of ["udp-echo", "loopback"]) {
      await buildImage({ inputs: [source(`${name}.c`)], ...common }, imageOf(name));
    }
  });

  const serve = (name: string, options: readonly string[], work: (server: Server) => Promise<void>) =>
    withServer(imageOf(name), options, work);

  test("datagrams come back over IPv4 and IPv6", { timeout: testTimeoutMs }, async () => {
    const port = await freePort();
    const all: string[] = [];
    await serve("udp-echo", ["-p", `${port}:7/udp`], async (server) => {
      for (const [kind, host] of [
        ["udp4", "127.0.0.1"],
        ["udp6", "::1"],
      ] as const) {
        const socket = createSocket(kind);
        for (const size of [1, 20, 101, 1000, 1400]) {
          const sent = randomBytes(size).toString("hex");
          all.push(sent);
          const timer = setInterval(() => socket.send(Buffer.from(sent, "hex"), port, host), 100);
          for await (const [bytes] of on(socket, "message")) {
            // Of those before it there may be more, because they were sent until the first came back.
            expect(all).toContain(bytes.toString("hex"));
            if (bytes.toString("hex") === sent) break;
          }
          clearInterval(timer);
        }
        socket.close();
      }
      const last = createSocket("udp4");
      last.send("end", port, "127.0.0.1");
      expect(await server.ended).toBe(0);
      last.close();
    });
  });

  test("bytes come back as they were sent, however many", { timeout: testTimeoutMs }, async () => {
    const port = await freePort();
    const sizes = [1, 2, 127, 128, 129, 1447, 1448, 1449, 2897, 65_535, 200_003];
    await serve("redis", ["-p", `${port}:6379`], async () => {
      for (const host of ["127.0.0.1", "::1"]) {
        for (const size of sizes) {
          const bytes = randomBytes(size).toString("latin1");
          const words = `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${size}\r\n${bytes}\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`;
          const answer = await ask(port, words, new RegExp(`\r\n\\$${size}\r\n[^]{${size}}\r\n$`), host);
          expect(answer).toBe(`+OK\r\n$${size}\r\n${bytes}\r\n`);
        }
      }
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
    await serve("redis", ["--net", "user", "-p", `127.0.0.1:${port}:6379`], async (server) => {
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
    await expect.poll(() => processesWith(`${port}:6379`), { timeout: patience(5000) }).toEqual([]);
    await expect.poll(() => processesWith(imageOf("redis")), { timeout: patience(5000) }).toEqual([]);
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
  expect(await dryRun("-p", "80:80")).toMatch(/^LD_PRELOAD=\S+ passt .*--tcp-ports 80:80\nqemu/);
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
