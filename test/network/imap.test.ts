// SPDX-License-Identifier: MIT
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { Client } from "../support/clients.js";
import { testNetworks } from "../support/networks.js";

testNetworks(
  {
    configuration: () => ({
      program: "/usr/sbin/dovecot",
      args: ["-F", "-c", "/etc/dovecot/test.conf"],
      files: {
        include: {
          "/etc/dovecot/test.conf": fileURLToPath(new URL("files/dovecot.conf", import.meta.url)),
          "/usr/lib/dovecot": "/usr/lib/dovecot",
          "/usr/bin/doveconf": "/usr/bin/doveconf",
        },
      },
      run: { memory: "512M" },
    }),
  },
  [
    {
      name: "dovecot",
      does: "its greeting, to a client that waits for it, and what it can do",
      ports: ["143"],
      isReady: /starting up for imap/,
      async work({ port }) {
        const client = new Client(port, "127.0.0.1");
        expect((await client.hear(4)).slice(0, 4)).toBe("* OK");
        client.socket.write("a CAPABILITY\r\n");
        await expect
          .poll(() => client.heard, { timeout: 20_000 })
          .toMatch(/\* CAPABILITY IMAP4rev1[\s\S]*a OK /);
        client.socket.destroy();
      },
    },
  ],
);
