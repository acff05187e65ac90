// SPDX-License-Identifier: MIT
import { createSocket } from "node:dgram";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { Client } from "../support/clients.js";
import { testNetworks } from "../support/networks.js";

/**
 * Longer than the ten seconds after which passt alone gives a client up. At each try a listener takes as many as it has
 * room for, on the host too: so there are few, for the tries of QEMU's user network come after 5, 24 and 41 s.
 */
const lateMs = 12_000;
const clientCount = 6;

testNetworks(
  { configuration: () => ({ inputs: [fileURLToPath(new URL("files/lazy.c", import.meta.url))] }) },
  [
    {
      name: "a full backlog",
      does: `${clientCount} clients of a server that has room for two and takes them ${lateMs / 1000} s late: each is served`,
      ports: ["7", "8/udp"],
      isReady: /listening/,
      async work({ ports: [tcp = 0, udp = 0], network: { hosts } }) {
        const hostOf = (index: number) => hosts[index % hosts.length] ?? "";
        const clients = Array.from({ length: clientCount }, (_, index) => new Client(tcp, hostOf(index)));
        for (const [index, client] of clients.entries()) client.socket.end(`client ${index}`);
        const socket = createSocket("udp4");
        const timer = setInterval(() => socket.send("go", udp, "127.0.0.1"), lateMs);
        try {
          const answers = await Promise.all(clients.map((client) => client.hear(Number.POSITIVE_INFINITY)));
          expect(answers).toEqual(clients.map((_, index) => `client ${index}`));
        } finally {
          clearInterval(timer);
          socket.close();
        }
      },
    },
  ],
);
