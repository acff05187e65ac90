// SPDX-License-Identifier: MIT
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect } from "vitest";
import { Client } from "../support/clients.js";
import { type Reached, testNetworks } from "../support/networks.js";
import { freePort } from "../support/server.js";

const largeBytes = 50_000_000;

const words = ({ scratch }: Reached) => [
  ...["-F", "none", "-i", join(scratch, "key"), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"],
  ...["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
];

const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

testNetworks(
  {
    async configuration(scratch) {
      const path = (name: string) => join(scratch, name);
      await mkdir(path("empty"), { recursive: true });
      for (const name of ["host-key", "key"]) {
        await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path(name)], {
          input: "n\n",
          reject: false,
        });
      }
      return {
        program: "/usr/sbin/sshd",
        args: ["-D", "-e", "-f", "/etc/ssh/test_config"],
        files: {
          include: {
            "/etc/ssh/test_config": fileURLToPath(new URL("files/sshd_config", import.meta.url)),
            "/etc/ssh/host_key": path("host-key"),
            "/root/.ssh/authorized_keys": path("key.pub"),
            "/run/sshd": path("empty"),
            "/bin/bash": "/bin/bash",
          },
        },
        run: { memory: "768M" },
      };
    },
  },
  [
    {
      name: "OpenSSH",
      does: "login, scp of 50 MB there and back, a forwarded port",
      ports: ["22"],
      isReady: /listening on/,
      async work(guest) {
        const { port, scratch } = guest;
        const login = await execa("ssh", [
          ...words(guest),
          "-p",
          `${port}`,
          "root@127.0.0.1",
          "echo in the guest",
        ]);
        expect(login.stdout).toBe("in the guest");

        const [sent, back] = [join(scratch, "sent"), join(scratch, "back")];
        const bytes = randomBytes(largeBytes);
        await writeFile(sent, bytes);
        const remote = "root@127.0.0.1:/root/large";
        await execa("scp", [...words(guest), "-P", `${port}`, sent, remote]);
        await execa("scp", [...words(guest), "-P", `${port}`, remote, back]);
        expect(digest(await readFile(back))).toBe(digest(bytes));

        const forwarded = await freePort();
        const forwarding = execa("ssh", [
          ...[...words(guest), "-p", `${port}`, "-o", "ExitOnForwardFailure=yes", "-N"],
          ...["-L", `${forwarded}:127.0.0.1:22`, "root@127.0.0.1"],
        ]);
        forwarding.catch(() => undefined);
        try {
          await expect
            .poll(async () => (await new Client(forwarded, "127.0.0.1").hear(8)).slice(0, 8), {
              timeout: 60_000,
            })
            .toBe("SSH-2.0-");
        } finally {
          forwarding.kill();
          await forwarding.catch(() => undefined);
        }
      },
    },
  ],
);
