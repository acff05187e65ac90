// SPDX-License-Identifier: MIT

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { buildImage } from "../support/harness.js";
import { client, file, load, testQuestions, testServer } from "../support/programs.js";
import { ask, freePort, withServer } from "../support/server.js";

const scratch = await mkdtemp(join(tmpdir(), "ukl-php-"));
afterAll(() => rm(scratch, { recursive: true, force: true }));

testServer({
  name: "php-fpm",
  workload: "two workers, behind an nginx in a guest of its own; wrk",
  configuration: () => ({
    program: "/usr/sbin/php-fpm8.2",
    args: ["--allow-to-run-as-root", "--nodaemonize", "--fpm-config", "/etc/php-fpm.conf"],
    files: { include: { "/etc/php-fpm.conf": file("php-fpm.conf"), "/srv/page.php": file("page.php") } },
  }),
  ports: [9000],
  exitStatus: 0,
  async work({ port: fastcgiPort, mode }) {
    const image = join(scratch, `nginx-${mode}.elf`);
    await writeFile(join(scratch, "server"), `fastcgi_pass 10.0.2.2:${fastcgiPort};\n`);
    const parameters = "/etc/nginx/fastcgi_params";
    const include = {
      "/etc/nginx/test.conf": file("php-nginx.conf"),
      "/etc/nginx/fastcgi_server": join(scratch, "server"),
      [parameters]: parameters,
    };
    const program = "/usr/sbin/nginx";
    await buildImage({ program, mode, args: ["-c", "/etc/nginx/test.conf"], files: { include } }, image);
    const port = await freePort();
    await withServer(image, ["-p", `${port}:80`], async () => {
      await ask(port, "GET /page.php?last=100 HTTP/1.0\r\n\r\n", /sum 5050 of 7001\n$/);
      const url = `http://127.0.0.1:${port}/page.php?last=`;
      expect(await client("curl", "-sS", `${url}1000`)).toBe("sum 500500 of 7001\n");
      await load(`${url}10`);
    });
  },
});

testQuestions("php", "questions.php");
