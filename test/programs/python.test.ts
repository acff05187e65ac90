// SPDX-License-Identifier: MIT
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { client, file, testCommand, testQuestions, testServer } from "../support/programs.js";
import { ask } from "../support/server.js";

const program = "/usr/bin/python3";
const page = "a page of some bytes\n".repeat(100);

testCommand({
  name: "python3",
  workload: "eight threads",
  configuration: () => ({
    program,
    args: [file("threads.py")],
    files: { include: { [file("threads.py")]: file("threads.py") } },
  }),
});

testServer({
  name: "python3 -m http.server",
  workload: "a file, to 50 clients",
  async configuration(scratch) {
    await writeFile(join(scratch, "page.txt"), page);
    return {
      program,
      args: ["-m", "http.server", "80", "-d", "/srv"],
      files: { include: { "/srv/page.txt": join(scratch, "page.txt") } },
    };
  },
  ports: [80],
  exitStatus: 143,
  async work({ port }) {
    await ask(port, "HEAD /page.txt HTTP/1.0\r\n\r\n", /^HTTP\/1.0 200 OK/);
    const get = () => client("curl", "-sS", `http://127.0.0.1:${port}/page.txt`);
    const pages = await Promise.all(Array.from({ length: 50 }, get));
    expect(new Set(pages)).toEqual(new Set([page]));
  },
});

// What the leak of its own shared memory is told by depends on the version.
testQuestions("python3", "questions.py", { PYTHONWARNINGS: "ignore" });
