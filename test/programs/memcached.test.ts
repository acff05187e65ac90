// SPDX-License-Identifier: MIT
import { expect } from "vitest";
import { testServer } from "../support/programs.js";
import { ask } from "../support/server.js";

testServer({
  name: "memcached",
  workload: "eight clients of four threads",
  configuration: () => ({
    program: "/usr/bin/memcached",
    mask: { default: "kill" },
    args: ["-u", "root", "-t", "4"],
  }),
  ports: [11211],
  exitStatus: 0,
  async work({ port }) {
    await ask(port, "set colour 0 0 3\r\nred\r\n", /^STORED\r\n/);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => ask(port, "get colour\r\n", /END\r\n$/)),
    );
    expect(new Set(answers)).toEqual(new Set(["VALUE colour 0 3\r\nred\r\nEND\r\n"]));
    expect(await ask(port, "stats\r\n", /END\r\n$/)).toMatch(/STAT threads 4\r\n/);
  },
});
