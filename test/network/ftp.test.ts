// SPDX-License-Identifier: MIT
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect } from "vitest";
import { testNetworks } from "../support/networks.js";

testNetworks(
  {
    configuration: () => ({
      program: "/usr/bin/python3",
      args: ["/srv/ftp.py"],
      files: {
        include: {
          "/srv/ftp.py": fileURLToPath(new URL("files/ftp.py", import.meta.url)),
          "/usr/lib/python3/dist-packages/pyftpdlib": "/usr/lib/python3/dist-packages/pyftpdlib",
        },
      },
      run: { memory: "512M" },
    }),
  },
  [
    {
      name: "FTP (pyftpdlib)",
      does: "passive transfers with curl: 20 MB there and back",
      ports: ["=", "="],
      args: (ports) => ["/srv/ftp.py", ...ports.map(String)],
      isReady: /starting FTP server/,
      async work({ port, scratch }) {
        const [sent, back] = [join(scratch, "sent"), join(scratch, "back")];
        const bytes = randomBytes(20_000_000);
        await writeFile(sent, bytes);
        const url = `ftp://127.0.0.1:${port}/file`;
        await execa("curl", ["-sS", "--disable-epsv", "-T", sent, url]);
        await execa("curl", ["-sS", "--disable-epsv", "-o", back, url]);
        expect(bytes.equals(await readFile(back))).toBe(true);
      },
    },
  ],
);
