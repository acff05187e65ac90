// SPDX-License-Identifier: MIT
/** What clients of any server do. */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { Client } from "../support/clients.js";
import { networks, testNetworks } from "../support/networks.js";

/** Ten minutes with `npm run test:network -- --idle 600`. */
const idleSeconds = Number(process.env["UKL_TEST_IDLE_SECONDS"] ?? 20);
const greeting = "220 hello\r\n";
const greeter = { ports: ["7"], isReady: /listening/, options: ["-m", "256M"] };

/** What the server says of the bytes after our end. */
async function converse(port: number, host: string, bytes: Uint8Array): Promise<string> {
  const client = new Client(port, host);
  if ((await client.hear(greeting.length)) !== greeting) return client.hear(Number.POSITIVE_INFINITY);
  client.socket.end(bytes);
  return client.hear(Number.POSITIVE_INFINITY);
}

const expected = (bytes: Uint8Array) =>
  `${greeting}${bytes.length} ${bytes.reduce((total, byte) => total + byte, 0)}\n`;

testNetworks(
  {
    configuration: () => ({
      inputs: [fileURLToPath(new URL("../boot/network/greeter.c", import.meta.url))],
      libraries: ["pthread"],
    }),
  },
  [
    {
      ...greeter,
      name: "1000 connections at once",
      does: "each is greeted, sends, and gets its answer",
      async work({ port, network }) {
        const bytes = Buffer.alloc(100, "x");
        const all = Array.from({ length: 1000 }, () => converse(port, network.hosts[0] ?? "", bytes));
        const wrong = (await Promise.all(all)).filter((answer) => answer !== expected(bytes));
        expect(wrong).toEqual([]);
      },
    },
    {
      ...greeter,
      name: "half-closed connections",
      does: "uploads of 3 MB whose end is answered: 20, and 8 times 3 at once",
      async work({ port, network }) {
        const bytes = Buffer.alloc(3_000_001, "some bytes ");
        const host = network.hosts[0] ?? "";
        for (let round = 0; round < 20; round++)
          expect(await converse(port, host, bytes)).toBe(expected(bytes));
        for (let round = 0; round < 3; round++) {
          const all = Array.from({ length: 8 }, () => converse(port, host, bytes));
          expect(await Promise.all(all)).toEqual(Array(8).fill(expected(bytes)));
        }
      },
    },
    {
      ...greeter,
      name: "an idle connection",
      does: `silent for ${idleSeconds} s, then used`,
      async work({ port, network }) {
        const client = new Client(port, network.hosts[0] ?? "");
        expect(await client.hear(greeting.length)).toBe(greeting);
        await sleep(idleSeconds * 1000);
        client.socket.end("still here");
        expect(await client.hear(Number.POSITIVE_INFINITY)).toBe(expected(Buffer.from("still here")));
      },
    },
    {
      ...greeter,
      name: "IPv6",
      does: "a client of ::1 that uploads 3 MB",
      on: networks.filter(({ hosts }) => hosts.includes("::1")),
      async work({ port }) {
        const bytes = Buffer.alloc(3_000_001, "some bytes ");
        expect(await converse(port, "::1", bytes)).toBe(expected(bytes));
      },
    },
  ],
);
