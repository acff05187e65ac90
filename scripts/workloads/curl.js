// SPDX-License-Identifier: MIT
// curl: a page, a large one into a file, several at once, an upload, a redirect, TLS, a name, a refused connection.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { selfSigned, withWebServer } from "./support/web.js";

export const workloads = [{ name: "curl", binary: "/usr/bin/curl", run }];

async function run(context) {
  writeFileSync(join(context.scratch, "upload"), "x".repeat(300_000));
  await withWebServer(async (port) => {
    const base = `http://127.0.0.1:${port}`;
    await context.trace(["-sS", `${base}/`]);
    await context.trace(["-o", "page", `${base}/large`]);
    await context.trace(["-sS", "-Z", `${base}/`, `${base}/large`, `${base}/missing`]);
    await context.trace(["-sS", "-T", "upload", `${base}/upload`]);
    await context.trace(["-sS", "-F", "file=@upload", "-c", "jar", "-D", "headers", `${base}/form`]);
    await context.trace(["-sS", "-L", "--compressed", "-v", `${base}/moved`]);
    await context.trace(["-sS", `http://localhost:${port}/`]);
  });
  const tls = await selfSigned(context);
  await withWebServer(async (port) => {
    await context.trace(["-sS", "-k", `https://127.0.0.1:${port}/`]);
    await context.trace(["-sS", "--cacert", tls.certFile, `https://localhost:${port}/large`, "-o", "page"]);
  }, tls);
  await context.trace(["-sS", `http://127.0.0.1:${await context.freePort()}/`], { expect: [7] });
}
