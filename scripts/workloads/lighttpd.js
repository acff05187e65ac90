// SPDX-License-Identifier: MIT
// lighttpd: files with keepalive, ranges, a listing, a log that is reopened, a graceful stop.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const workloads = [{ name: "lighttpd", binary: "/usr/sbin/lighttpd", run }];

async function run(context) {
  const port = await context.freePort();
  const files = join(context.scratch, "files");
  mkdirSync(files);
  writeFileSync(join(files, "small.html"), "<p>hello</p>".repeat(100));
  writeFileSync(join(files, "large.bin"), Buffer.alloc(3 << 20, 7));
  const configuration = join(context.scratch, "lighttpd.conf");
  writeFileSync(configuration, configurationOf(context.scratch, files, port));
  await context.client("chmod", ["-R", "a+rwX", context.scratch]);
  await context.trace(["-tt", "-f", configuration]);
  const server = context.start(["-D", "-f", configuration]);
  await context.waitForPort(port);
  const base = `http://127.0.0.1:${port}`;
  await context.client("ab", ["-q", "-k", "-n", "300", "-c", "8", `${base}/small.html`]);
  const get = (...args) => context.client("curl", ["-sS", "-o", "/dev/null", ...args]);
  await get("--compressed", `${base}/small.html`, `${base}/large.bin`, `${base}/missing`, `${base}/`);
  await get("-r", "100-200", `${base}/large.bin`);
  await get("-d", "x".repeat(100_000), `${base}/small.html`);
  server.signal("SIGHUP");
  await context.pause(500);
  await get(`${base}/small.html`);
  await server.stop("SIGINT");
}

function configurationOf(scratch, files, port) {
  const user = process.getuid() === 0 ? 'server.username = "www-data"\nserver.groupname = "www-data"' : "";
  return `server.modules = ("mod_access", "mod_accesslog", "mod_dirlisting")
server.document-root = "${files}"
server.bind = "127.0.0.1"
server.port = ${port}
server.errorlog = "${scratch}/error.log"
server.upload-dirs = ("${scratch}")
accesslog.filename = "${scratch}/access.log"
dir-listing.activate = "enable"
mimetype.assign = (".html" => "text/html")
${user}
`;
}
