// SPDX-License-Identifier: MIT
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { client, file, load, testServer } from "../support/programs.js";
import { ask } from "../support/server.js";

const page = "a page of some bytes\n".repeat(5000);

testServer({
  name: "lighttpd",
  workload: "a file; wrk",
  async configuration(scratch) {
    await writeFile(join(scratch, "page.txt"), page);
    return {
      program: "/usr/sbin/lighttpd",
      mask: { default: "kill" },
      args: ["-D", "-f", "/etc/lighttpd/test.conf"],
      files: {
        include: {
          "/etc/lighttpd/test.conf": file("lighttpd.conf"),
          "/srv/page.txt": join(scratch, "page.txt"),
        },
      },
    };
  },
  ports: [80],
  exitStatus: 0,
  async work({ port }) {
    await ask(port, "HEAD /page.txt HTTP/1.0\r\n\r\n", /^HTTP\/1.0 200 OK/);
    expect(await client("curl", "-sS", `http://127.0.0.1:${port}/page.txt`)).toBe(page);
    await load(`http://127.0.0.1:${port}/page.txt`);
  },
});
