// SPDX-License-Identifier: MIT
// lighttpd: its own suite; and what only a service does: workers, each way to write and to wait, piped logs, a daemon,
// another user, a root directory of its own, graceful stops and restarts.
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withWebServer } from "./support/web.js";

export const workloads = [{ name: "lighttpd", binary: "/usr/sbin/lighttpd", run }];

async function run(context) {
  await runSuite(context);
  makeFiles(context.scratch);
  await context.client("chmod", ["-R", "a+rwX", context.scratch]);
  await withWebServer(async (backendPort) => {
    const services = [
      { backend: "sendfile", events: "linux-sysepoll", workers: 0 },
      { backend: "writev", events: "poll", workers: 2 },
      { backend: "write", events: "select", workers: 0 },
    ];
    for (const service of services) await runService(context, { ...service, backendPort });
  });
  await runClosed(context);
  await runDaemon(context);
  await runOnce(context);
}

async function runSuite(context) {
  const source = join(context.scratch, "source");
  cpSync(context.source("lighttpd"), source, { recursive: true });
  const cwd = join(source, "tests");
  for (const kind of ["fcgi", "scgi"])
    execFileSync("gcc", ["-o", `${kind}-responder`, `${kind}-responder.c`], { cwd });
  // mod_deflate is a package of its own.
  const configuration = join(cwd, "lighttpd.conf");
  writeFileSync(configuration, readFileSync(configuration, "utf8").replace('"mod_deflate",', ""));
  const env = { srcdir: ".", top_builddir: "..", LIGHTTPD_EXE_PATH: context.tracedProgram };
  await context.client("sh", ["prepare.sh"], { cwd, env: { ...process.env, ...env } });
  const tests = ["core-condition.t", "mod-fastcgi.t", "mod-scgi.t", "request.t"].map((name) => `./${name}`);
  await context.suite("prove", ["-I.", ...tests], { cwd, env, expect: [0, 1] });
}

function makeFiles(scratch) {
  const place = (name, content, mode) => writeFileSync(join(scratch, name), content, { mode });
  for (const name of ["files", "files/list", "files/secret", "uploads"]) mkdirSync(join(scratch, name));
  place("files/small.html", "<p>hello</p>".repeat(100));
  place("files/list/large.bin", Buffer.alloc(3 << 20, 7));
  place(
    "files/page.shtml",
    '<!--#include file="small.html"--><!--#exec cmd="true"--><!--#flastmod file="page.shtml"-->',
  );
  place("users", "user:secret\n");
  copyFileSync(new URL("lighttpd/program.cgi", import.meta.url), join(scratch, "files", "program.cgi"));
}

function environment(
  context,
  port,
  { backend = "sendfile", events = "poll", workers = 0, backendPort = 9 } = {},
) {
  const identity = (flag) => execFileSync("id", [`-${flag}n`], { encoding: "utf8" }).trim();
  const root = process.getuid() === 0;
  return {
    SCRATCH: context.scratch,
    PORT: `${port}`,
    SERVER_USER: root ? "www-data" : identity("u"),
    SERVER_GROUP: root ? "www-data" : identity("g"),
    BACKEND: backend,
    EVENTS: events,
    WORKERS: `${workers}`,
    BACKEND_PORT: `${backendPort}`,
  };
}

async function runService(context, service) {
  const port = await context.freePort();
  const env = environment(context, port, service);
  const args = ["-f", context.file("lighttpd", "service.conf")];
  await context.trace(["-tt", ...args], { env });
  const server = context.start(["-D", ...args], { env });
  await context.waitForPort(port);
  await request(context, port);
  server.signal("SIGHUP");
  await context.pause(300);
  server.signal("SIGUSR1"); // restarts
  await context.pause(1000);
  await context.waitForPort(port);
  await request(context, port);
  await server.stop("SIGINT");
}

async function request(context, port) {
  const base = `http://127.0.0.1:${port}`;
  await context.client("ab", ["-q", "-k", "-n", "300", "-c", "8", `${base}/small.html`]);
  const quiet = ["-sS", "-o", "/dev/null", "--max-time", "10"];
  const get = (...args) => context.client("curl", [...quiet, ...args], { expect: [0, 7, 18, 28, 52, 56] });
  await get("--compressed", `${base}/small.html`, `${base}/list/`, `${base}/missing`, `${base}/page.shtml`);
  await get("-r", "100-200", `${base}/list/large.bin`);
  await get(`${base}/list/large.bin`, `${base}/status`, `${base}/~root/`, `${base}/gone/`);
  await get("-u", "user:secret", `${base}/secret/`);
  await get(`${base}/program.cgi`, `${base}/proxy/large`, `${base}/named/`, `${base}/proxy/missing`);
  for (const place of ["small.html", "proxy/", "program.cgi"])
    await get("-d", "x".repeat(100_000), `${base}/${place}`);
  await get("-H", "Transfer-Encoding: chunked", "-d", "x".repeat(100_000), `${base}/program.cgi`);
  await get("-g", `http://[::1]:${port}/small.html`);
  await get("--unix-socket", join(context.scratch, "web.sock"), "http://localhost/small.html");
}

/** Only root may change the root directory. */
async function runClosed(context) {
  if (process.getuid() !== 0) return;
  const port = await context.freePort();
  const env = environment(context, port);
  const server = context.start(["-D", "-f", context.file("lighttpd", "chroot.conf")], { env });
  await context.waitForPort(port);
  await context.client("curl", ["-sS", "-o", "/dev/null", `http://127.0.0.1:${port}/small.html`]);
  await server.stop("SIGTERM");
}

async function runDaemon(context) {
  const port = await context.freePort();
  const env = environment(context, port);
  const daemon = context.start(["-f", context.file("lighttpd", "service.conf")], { env });
  await context.waitForPort(port);
  await context.pause(300);
  process.kill(Number(readFileSync(join(context.scratch, "lighttpd.pid"), "utf8")), "SIGTERM");
  await daemon.ended();
}

async function runOnce(context) {
  const port = await context.freePort();
  const env = environment(context, port);
  const args = ["-f", context.file("lighttpd", "service.conf")];
  for (const flag of ["-v", "-V", "-h"]) await context.trace([flag]);
  await context.trace(["-p", ...args], { env });
  await context.trace(["-1", ...args], { env, input: "GET /small.html HTTP/1.0\r\n\r\n", expect: [0, 255] });
  await context.trace(["-i", "1", "-D", ...args], { env });
}
