// SPDX-License-Identifier: MIT
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { expect } from "vitest";
import { testNetworks } from "../support/networks.js";

testNetworks(
  {
    async configuration(scratch) {
      const data = join(scratch, "data");
      await rm(data, { recursive: true, force: true });
      await mkdir(data);
      await execa("mariadb-install-db", [
        ...["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--user=root"],
        ...["--skip-test-db", "--innodb-log-file-size=8M"],
      ]);
      // One statement a line.
      const sql = "CREATE USER guest@'%';\nGRANT ALL ON *.* TO guest@'%';\n";
      await execa("mariadbd", ["--no-defaults", `--datadir=${data}`, "--user=root", "--bootstrap"], {
        input: `USE mysql;\nFLUSH PRIVILEGES;\n${sql}`,
      });
      return {
        program: "/usr/sbin/mariadbd",
        args: [
          ...["--no-defaults", "--datadir=/var/lib/mysql", "--user=root", "--innodb-log-file-size=8M"],
          ...["--innodb-buffer-pool-size=16M", "--socket=/tmp/mysql.sock", "--skip-name-resolve"],
        ],
        files: { include: { "/var/lib/mysql": data } },
        run: { memory: "1G" },
      };
    },
  },
  [
    {
      name: "MariaDB",
      does: "its client: tables, a megabyte in one row",
      ports: ["3306"],
      isReady: /ready for connections/,
      async work({ port }) {
        const sql = `CREATE DATABASE d; CREATE TABLE d.t (n INT, text LONGTEXT);
          INSERT INTO d.t SELECT 1, REPEAT('abcd', 250000); SELECT n, text FROM d.t`;
        const words = [
          "--no-defaults",
          "--protocol=tcp",
          "-h",
          "127.0.0.1",
          "-P",
          `${port}`,
          "-u",
          "guest",
          "-N",
          "-B",
        ];
        const { stdout } = await execa("mariadb", [...words, "-e", sql]);
        expect(stdout).toBe(`1\t${"abcd".repeat(250_000)}`);
      },
    },
  ],
);
