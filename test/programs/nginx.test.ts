// SPDX-License-Identifier: MIT
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { patience } from "../support/patience.js";
import { client, file, load, testServer } from "../support/programs.js";
import { ask } from "../support/server.js";

const page = "a page of some bytes\n".repeat(5000);

testServer({
  name: "nginx",
  workload: "two workers: sendfile; wrk, with TLS as well; reload by SIGHUP",
  async configuration(scratch) {
    const path = (name: string) => join(scratch, name);
    await writeFile(path("page.txt"), page);
    const words = "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -keyout".split(" ");
    await client("openssl", ...words, path("key.pem"), "-out", path("certificate.pem"));
    return {
      program: "/usr/sbin/nginx",
      mask: { default: "kill" },
      args: ["-c", "/etc/nginx/test.conf"],
      files: {
        include: {
          "/etc/nginx/test.conf": file("nginx.conf"),
          "/etc/nginx/more/tls.conf": file("nginx-tls.conf"),
          "/etc/nginx/key.pem": path("key.pem"),
          "/etc/nginx/certificate.pem": path("certificate.pem"),
          "/srv/page.txt": path("page.txt"),
        },
      },
    };
  },
  ports: [80, 443],
  options: ["--smp", "2"],
  exitStatus: 0,
  async work({ port, ports: [, tlsPort], server, scratch }) {
    const [plain, tls] = [`http://127.0.0.1:${port}/page.txt`, `https://localhost:${tlsPort}/page.txt`];
    await ask(port, "HEAD / HTTP/1.0\r\n\r\n", /^HTTP\/1.1 \d+/);
    for (const url of [plain, `http://[::1]:${port}/page.txt`, tls]) {
      const text = await client("curl", "-sS", "--cacert", join(scratch, "certificate.pem"), url);
      expect(text).toBe(page);
    }
    const started = () => server.output().match(/start worker process /g)?.length;
    expect(started()).toBe(2);
    for (const url of [plain, tls]) await load(url);

    server.process.kill("SIGHUP");
    // Workers of before close connections that wait for a further request.
    const ended = () => server.output().match(/worker process \d+ exited with code 0/g)?.length;
    await expect.poll(ended, { timeout: patience(30_000) }).toBe(2);
    expect(started()).toBe(4);
    await load(plain);
  },
});
