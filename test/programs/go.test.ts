// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { expect } from "vitest";
import { client, file, load, testServer } from "../support/programs.js";
import { ask } from "../support/server.js";

testServer({
  name: "a Go program",
  workload: "an HTTP server with ten goroutines and a collection for each request; wrk",
  async configuration(scratch) {
    const program = join(scratch, "server");
    await client("env", `GOCACHE=${scratch}/cache`, "go", "build", "-o", program, file("server.go"));
    return { program, run: { memory: "256M" } };
  },
  ports: [80],
  options: ["--smp", "2"],
  exitStatus: 143,
  async work({ port }) {
    await ask(port, "GET / HTTP/1.0\r\n\r\n", /sum 45\n$/);
    expect(await client("curl", "-sS", `http://127.0.0.1:${port}/`)).toBe("sum 45\n");
    await load(`http://127.0.0.1:${port}/`);
  },
});
