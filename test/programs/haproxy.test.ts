// SPDX-License-Identifier: MIT
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import { client, file, load, testServer } from "../support/programs.js";
import { ask } from "../support/server.js";

const page = "a page of some bytes\n".repeat(5000);
const pageServer = createServer((_request, response) => response.end(page)).listen(0, "127.0.0.1");
await once(pageServer, "listening");
pageServer.unref();

testServer({
  name: "haproxy",
  workload: "answers of its own, and a server of the host behind it; wrk",
  configuration: () => ({
    program: "/usr/sbin/haproxy",
    mask: { default: "kill" },
    args: ["-f", "/etc/haproxy/test.cfg"],
    env: { PAGE_SERVER: `10.0.2.2:${(pageServer.address() as AddressInfo).port}` },
    files: { include: { "/etc/haproxy/test.cfg": file("haproxy.cfg") } },
  }),
  ports: [80],
  // What it makes of SIGTERM on the host, too.
  exitStatus: 143,
  async work({ port }) {
    await ask(port, "GET / HTTP/1.0\r\n\r\n", /by itself\n$/);
    await load(`http://127.0.0.1:${port}/`);
    // More than passt's connection to QEMU holds at once.
    const pages = Array.from({ length: 20 }, () => client("curl", "-sS", `http://127.0.0.1:${port}/page`));
    expect(new Set(await Promise.all(pages))).toEqual(new Set([page]));
  },
});
