// SPDX-License-Identifier: MIT
import { chmod, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { client, file, testServer } from "../support/programs.js";
import { ask } from "../support/server.js";

const programs = "/usr/lib/postgresql/15/bin";

testServer({
  name: "postgresql",
  workload: "SQL; pgbench with four clients",
  async configuration(scratch) {
    await chmod(scratch, 0o755);
    const data = await mkdtemp(join(scratch, "data-"));
    await client("chown", "postgres", data);
    const initialize = [`${programs}/initdb`, "--auth=trust", "--locale=C", "--no-sync", "--pgdata", data];
    await client("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", ...initialize);
    return {
      program: `${programs}/postgres`,
      user: "postgres",
      args: ["-D", "/srv/data", "-c", "listen_addresses=*", "-c", "unix_socket_directories=/tmp"],
      files: { include: { "/srv/data": data, "/srv/data/pg_hba.conf": file("pg_hba.conf") } },
      run: { memory: "1G" },
    };
  },
  ports: [5432],
  options: ["--smp", "2"],
  exitStatus: 0,
  async work({ port }) {
    // What a client sends first when it wants TLS, which this server does not have.
    await ask(port, "\0\0\0\x08\x04\xd2\x16\x2f", /^N$/);
    const as = ["-h", "127.0.0.1", "-p", String(port), "-U", "postgres"];
    expect(await client("psql", ...as, "-qAt", "-f", file("sums.sql"))).toBe("167167000\n");
    await client("pgbench", ...as, "-i", "-q", "postgres");
    const report = await client("pgbench", ...as, "-c", "4", "-t", "25", "postgres");
    expect(report).toMatch(/number of transactions actually processed: 100\/100/);
    expect(report).toMatch(/number of failed transactions: 0 /);
  },
});
