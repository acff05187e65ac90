// SPDX-License-Identifier: MIT
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { Client } from "../support/clients.js";
import { testNetworks } from "../support/networks.js";

const file = (name: string) => fileURLToPath(new URL(`files/${name}`, import.meta.url));

testNetworks(
  {
    async configuration(scratch) {
      await mkdir(join(scratch, "spool"), { recursive: true });
      return {
        program: "/usr/sbin/exim4",
        args: ["-bdf", "-oX", "25"],
        files: {
          include: {
            "/etc/exim4/exim4.conf": file("exim4.conf"),
            "/var/spool/exim4": join(scratch, "spool"),
          },
        },
      };
    },
  },
  [
    {
      name: "exim",
      does: "its greeting, to a client that waits for it, and what it offers",
      ports: ["25"],
      // It says nothing.
      isReady: /^/,
      async work({ port }) {
        await expect
          .poll(async () => (await new Client(port, "127.0.0.1").hear(4)).slice(0, 4), { timeout: 60_000 })
          .toBe("220 ");
        const client = new Client(port, "127.0.0.1");
        await client.hear(4);
        client.socket.write("EHLO client.test\r\n");
        await expect
          .poll(() => client.heard, { timeout: 20_000 })
          .toMatch(/^220 guest.test ESMTP Exim[\s\S]*\r\n250 HELP\r\n$/);
        client.socket.destroy();
      },
    },
  ],
);
