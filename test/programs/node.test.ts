// SPDX-License-Identifier: MIT
import { expect } from "vitest";
import { client, file, testQuestions, testServer } from "../support/programs.js";
import { ask } from "../support/server.js";

testServer({
  name: "node",
  workload: "an HTTP server with a worker thread for each of ten requests",
  configuration: () => ({
    program: process.execPath,
    args: ["/srv/server.mjs"],
    files: { include: { "/srv/server.mjs": file("server.mjs") } },
    run: { memory: "1G" },
  }),
  ports: [80],
  options: ["--smp", "2"],
  exitStatus: 0,
  async work({ port }) {
    await ask(port, "GET /?last=10 HTTP/1.0\r\n\r\n", /sum 55\n$/);
    const sum = (last: number) => client("curl", "-sS", `http://127.0.0.1:${port}/?last=${last}`);
    const sums = await Promise.all(Array.from({ length: 10 }, (_, index) => sum(index * 1000)));
    expect(sums).toEqual(sums.map((_, index) => `sum ${(index * 1000 * (index * 1000 + 1)) / 2}\n`));
  },
});

testQuestions("node", "questions.cjs");
