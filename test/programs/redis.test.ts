// SPDX-License-Identifier: MIT
import { expect } from "vitest";
import { patience } from "../support/patience.js";
import { client, testServer } from "../support/programs.js";
import { ask } from "../support/server.js";

testServer({
  name: "redis-server",
  workload: "redis-benchmark; IPv4 and IPv6; BGSAVE; SHUTDOWN",
  configuration: () => ({
    program: "/usr/bin/redis-server",
    mask: { default: "kill" },
    args: ["--save", "", "--protected-mode", "no", "--dir", "/tmp"],
  }),
  ports: [6379],
  exitStatus: 0,
  async work({ port, server }) {
    await ask(port, "PING\r\n", /^\+PONG\r\n/);
    await ask(port, "PING\r\n", /^\+PONG\r\n/, "::1");
    const redis = (...words: string[]) => client("redis-cli", "-p", String(port), ...words);
    const report = await client(
      "redis-benchmark",
      "-p",
      String(port),
      "-n",
      "2000",
      "-t",
      "set,get",
      "--csv",
    );
    expect(report).toMatch(/^"SET",/m);
    expect(report).toMatch(/^"GET",/m);
    await ask(port, "SET colour red\r\nGET colour\r\n", /\$3\r\nred\r\n$/);
    expect(await redis("bgsave")).toBe("Background saving started\n");
    await expect
      .poll(() => redis("info", "persistence"), { timeout: patience(30_000) })
      .toMatch(/rdb_bgsave_in_progress:0\r?\n(?:.*\r?\n)*rdb_last_bgsave_status:ok/);
    await redis("shutdown", "nosave");
    expect(await server.ended).toBe(0);
  },
});
