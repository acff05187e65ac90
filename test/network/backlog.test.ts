// SPDX-License-Identifier: MIT
import { createSocket } from "node:dgram";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { Client } from "../support/clients.js";
import { testNetworks } from "../support/networks.js";

testNetworks(
  { configuration: () => ({ inputs: [fileURLToPath(new URL("files/lazy.c", import.meta.url))] }) },
  [
    {
      name: "a full backlog",
      does: "20 clients of a server that has room for two and takes them late: each is served",
      ports: ["7", "8/udp"],
      isReady: /listening/,
      async work({ ports: [tcp = 0, udp = 0] }) {
        const clients = Array.from({ length: 20 }, () => new Client(tcp, "127.0.0.1"));
        for (const [index, client] of clients.entries()) client.socket.end(`client ${index}`);
        const socket = createSocket("udp4");
        const timer = setInterval(() => socket.send("go", udp, "127.0.0.1"), 2000);
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
