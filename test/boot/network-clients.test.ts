// SPDX-License-Identifier: MIT
/**
 * What clients of a guest's ports do, over each network that leads to them: wait for a greeting, come in numbers, close
 * their half, send large datagrams. The host's own sockets say what is right. Real programs are in test/network.
 */
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Client } from "../support/clients.js";
import { buildImage, modes } from "../support/harness.js";
import { patience, testLimit } from "../support/patience.js";
import { freePort, type Server, withServer } from "../support/server.js";

const source = (name: string) => fileURLToPath(new URL(`network/${name}.c`, import.meta.url));
const testTimeoutMs = testLimit(180_000);
const resendMs = 500;
const greeting = "220 hello\r\n";
const guests = [
  ["greeter", ["pthread"], []],
  ["greeter", ["pthread"], ["ipv4"]],
  ["udp-echo", [], []],
] as const;
/** QEMU's user network leads to the guest over IPv4 alone. */
const networks = [
  { net: "auto", hosts: ["127.0.0.1", "::1"] },
  { net: "user", hosts: ["127.0.0.1"] },
];
/** What headers leave of 65 520 bytes, a packet whose frame passt takes, and of the longest packet of IPv4. */
const longestDatagram = (net: string, host: string) =>
  net === "user" ? 65_535 - 28 : 65_520 - (host === "::1" ? 48 : 28);
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-clients-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe.each(modes)("in %s mode", (mode) => {
  const imageOf = (name: string) => join(scratch, `${name}-${mode}.elf`);
  beforeAll(async () => {
    for (const [name, libraries, args] of guests) {
      const common = { mode, mask: { default: "kill" as const }, libraries: [...libraries] };
      await buildImage(
        { inputs: [source(name)], args: [...args], ...common },
        imageOf([name, ...args].join("-")),
      );
    }
  });

  const serve = async (
    net: string,
    name: string,
    protocol: string,
    work: (port: number) => Promise<void>,
  ) => {
    const port = await freePort();
    const options = ["--net", net, "-m", "256M", "-p", `${port}:7${protocol}`];
    await withServer(imageOf(name), options, async (server) => {
      await isListening(server);
      await work(port);
    });
  };

  describe.each(networks)("with --net $net", ({ net, hosts }) => {
    test("a server that speaks first is heard", { timeout: testTimeoutMs }, async () => {
      await serve(net, "greeter", "", async (port) => {
        for (const host of hosts) {
          const client = new Client(port, host);
          expect(await client.hear(greeting.length)).toBe(greeting);
          client.socket.destroy();
        }
      });
    });

    test("what comes after the client's end is heard", { timeout: testTimeoutMs }, async () => {
      await serve(net, "greeter", "", async (port) => {
        for (let round = 0; round < 8; round++) {
          for (const size of [0, 1, 3_000_001]) {
            const host = hosts[round % hosts.length] ?? "";
            expect({ round, size, result: await converse(port, host, size) }).toEqual({
              ...{ round, size },
              result: "as sent",
            });
          }
        }
      });
    });

    test("what several clients send fast comes whole, and their ends", {
      timeout: testTimeoutMs,
    }, async () => {
      await serve(net, "greeter", "", async (port) => {
        for (let round = 0; round < 3; round++) {
          const all = Array.from({ length: 8 }, () => converse(port, hosts[0] ?? "", 3_000_001));
          expect(await Promise.all(all)).toEqual(Array(8).fill("as sent"));
        }
      });
    });

    test("200 clients that come at once are all served", { timeout: testTimeoutMs }, async () => {
      await serve(net, "greeter", "", async (port) => {
        const all = Array.from({ length: 200 }, (_, index) =>
          converse(port, hosts[index % hosts.length] ?? "", 1000),
        );
        const results = await Promise.all(all);
        expect(results.filter((result) => result !== "as sent")).toEqual([]);
      });
    });

    test("a server that listens over IPv4 alone has clients of each family", {
      timeout: testTimeoutMs,
    }, async () => {
      await serve(net, "greeter-ipv4", "", async (port) => {
        for (const host of hosts) {
          const all = [0, 1, 3_000_001, 1000, 70_000].map((size) => converse(port, host, size));
          expect({ host, results: await Promise.all(all) }).toEqual({
            host,
            results: Array(5).fill("as sent"),
          });
        }
      });
    });

    test("datagrams of any size come back whole", { timeout: testTimeoutMs }, async () => {
      await serve(net, "udp-echo", "/udp", async (port) => {
        for (const host of hosts) {
          for (const size of [1, 1472, 1473, 9000, 32_000, longestDatagram(net, host)]) {
            expect({ size, isSame: await echoes(port, host, randomBytes(size)) }).toEqual({
              size,
              isSame: true,
            });
          }
        }
      });
    });
  });
});

async function isListening(server: Server): Promise<void> {
  await expect.poll(() => server.output(), { timeout: patience(60_000) }).toContain("listening");
}

/** Whether the server greets, gets the bytes whole, and is heard after our end. */
async function converse(port: number, host: string, size: number): Promise<string> {
  const client = new Client(port, host);
  const first = await client.hear(greeting.length);
  if (first !== greeting) return first;
  const bytes = randomBytes(size);
  client.socket.end(bytes);
  const all = await client.hear(Number.POSITIVE_INFINITY);
  client.socket.destroy();
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  return all === `${greeting}${size} ${sum}\n` ? "as sent" : all;
}

/** The first datagrams may come before the port is open, and are lost, as on the host. */
async function echoes(port: number, host: string, bytes: Buffer): Promise<boolean> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  let timer: NodeJS.Timeout | undefined;
  try {
    const answer = once(socket, "message") as Promise<[Buffer]>;
    socket.on("error", () => undefined);
    timer = setInterval(() => socket.send(bytes, port, host), resendMs);
    socket.send(bytes, port, host);
    const [got] = await answer;
    return got.equals(bytes);
  } finally {
    clearInterval(timer);
    socket.close();
  }
}
