// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { expect } from "vitest";
import { client, file, testCommand, testServer } from "../support/programs.js";
import { ask } from "../support/server.js";

testServer({
  name: "OpenJDK 17",
  workload: "an HTTP server with a collection for each of 20 requests",
  async configuration(scratch) {
    await client("javac", "-d", scratch, file("Server.java"));
    return {
      program: "/usr/bin/java",
      args: ["-Xmx256m", "-cp", "/srv", "Server"],
      files: { include: { "/srv/Server.class": join(scratch, "Server.class") } },
      run: { memory: "2G" },
    };
  },
  ports: [80],
  options: ["--smp", "2"],
  exitStatus: 143,
  async work({ port }) {
    await ask(port, "GET / HTTP/1.0\r\n\r\n", /blocks 81\n$/);
    for (let count = 0; count < 20; count++) {
      expect(await client("curl", "-sS", `http://127.0.0.1:${port}/`)).toBe("blocks 81\n");
    }
  },
});

testCommand({
  name: "OpenJDK 17, questions",
  workload: "what it finds of its machine",
  async configuration(scratch) {
    await client("javac", "-d", join(scratch, "classes"), file("Questions.java"));
    return {
      program: "/usr/bin/java",
      args: ["-Xmx256m", "-cp", join(scratch, "classes"), "Questions"],
      env: { LC_ALL: "C.UTF-8" },
      files: { include: { [join(scratch, "classes")]: join(scratch, "classes") } },
      run: { memory: "1G" },
    };
  },
});
