// SPDX-License-Identifier: MIT
// nginx, whose tests are no part of its source: every module of the package, a reload, reopened
// logs, a second binary that takes over, a daemon, the switches of the command line.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { selfSigned, withWebServer } from "./support/web.js";

export const workloads = [{ name: "nginx", binary: "/usr/sbin/nginx", run }];

async function run(context) {
  makeFiles(context.scratch);
  const { certFile, keyFile } = await selfSigned(context);
  await context.client("chmod", ["-R", "a+rwX", context.scratch]); // workers give up root
  await withWebServer(async (backendPort) => {
    const ports = { BACKEND_PORT: backendPort };
    for (const name of ["PORT", "TLS_PORT", "TCP_PORT", "UDP_PORT", "MAIL_PORT"])
      ports[name] = await context.freePort();
    const user = process.getuid() === 0 ? "user www-data;" : "";
    const holes = { ...ports, SCRATCH: context.scratch, CERT: certFile, KEY: keyFile, USER: user };
    for (const timer of ["0", "100ms"])
      await runService(context, configure(context, { ...holes, TIMER: timer }), ports);
    const args = configure(context, { ...holes, TIMER: "0" });
    await runUpgrade(context, args, ports);
    await runDaemon(context, args, ports);
    await runOnce(context, args);
  });
}

function makeFiles(scratch) {
  for (const name of ["files", "dav", "files/inner"]) mkdirSync(join(scratch, name));
  const place = (name, content) => writeFileSync(join(scratch, "files", name), content);
  place("small.html", '<p>hello</p><!--#include virtual="/small.txt" -->'.repeat(40));
  place("small.txt", "text");
  place("large.bin", Buffer.alloc(3 << 20, 7));
  place("zipped.txt.gz", gzipSync("text".repeat(1000)));
  place("video.flv", "FLV");
  place("video.mp4", Buffer.alloc(100_000));
  symlinkSync("small.html", join(scratch, "files", "link.html"));
  writeFileSync(join(scratch, "users"), "user:{PLAIN}secret\nother:$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.\n");
}

/** Fills the holes, and returns the arguments that use the result. */
function configure(context, holes) {
  const template = readFileSync(context.file("nginx", "service.conf"), "utf8");
  const file = join(context.scratch, "nginx.conf");
  writeFileSync(
    file,
    template.replace(/@([A-Z_]+)@/g, (_, name) => `${holes[name]}`),
  );
  return ["-p", context.scratch, "-c", file];
}

async function runService(context, args, ports) {
  await context.trace(["-t", ...args]);
  const server = context.start([...args, "-g", "daemon off;"]);
  await context.waitForPort(ports.TLS_PORT);
  await request(context, ports);
  server.signal("SIGUSR1");
  await context.pause(300);
  server.signal("SIGHUP");
  await context.pause(1500);
  await request(context, ports);
  await server.stop("SIGQUIT");
}

/** A new binary takes the sockets over; the old one lets its workers end, and then itself. */
async function runUpgrade(context, args, ports) {
  const pidFile = join(context.scratch, "nginx.pid");
  const old = context.start(args);
  await context.waitForPort(ports.PORT);
  await context.pause(500);
  const pid = Number(readFileSync(pidFile, "utf8"));
  process.kill(pid, "SIGUSR2");
  await context.pause(1500);
  process.kill(pid, "SIGWINCH");
  await context.pause(1000);
  await context.client("curl", ["-sS", "-o", "/dev/null", `http://127.0.0.1:${ports.PORT}/small.html`]);
  process.kill(pid, "SIGQUIT");
  await context.pause(1500);
  process.kill(Number(readFileSync(pidFile, "utf8")), "SIGINT");
  await old.ended();
}

async function runDaemon(context, args, ports) {
  const daemon = context.start(args);
  await context.waitForPort(ports.PORT);
  await context.pause(500);
  for (const name of ["reopen", "reload", "quit"]) {
    await context.trace(["-s", name, ...args]);
    await context.pause(1500);
  }
  await daemon.ended();
}

async function runOnce(context, args) {
  for (const flag of ["-V", "-v", "-h"]) await context.trace([flag]);
  await context.trace(["-T", "-q", ...args]);
  await context.trace(["-t", "-c", "missing.conf"], { expect: [1] });
  await context.trace(["-s", "stop", ...args], { expect: [0, 1] }); // there is none
}

async function request(context, ports) {
  const base = `http://127.0.0.1:${ports.PORT}`;
  const quiet = ["-sS", "-k", "-o", "/dev/null", "--max-time", "4"];
  const get = (...args) =>
    context.client("curl", [...quiet, ...args], { expect: [0, 7, 16, 18, 28, 35, 52, 56, 92] });
  await context.client("ab", ["-q", "-k", "-n", "300", "-c", "8", `${base}/small.html`]);
  const places = [
    "missing",
    "list/",
    "random/",
    "json/",
    "threads/large.bin",
    "written/large.bin",
    "direct/large.bin",
  ];
  places.push(
    "slow/small.html",
    "links/link.html",
    "video/video.flv?start=1",
    "video/video.mp4?start=1",
    "status",
  );
  places.push(
    "zipped/zipped.txt",
    "changed/small.html",
    "asked/small.html",
    "limited/small.html",
    "proxy/large",
  );
  places.push(
    "foreign/",
    "stream/large",
    "cached/large",
    "cached/large",
    "stored/small",
    "gone/",
    "secure/small.html",
  );
  places.push(
    "resolved/?host=a.example",
    "resolved/?host=localhost",
    "fastcgi/",
    "uwsgi/",
    "scgi/",
    "grpc/",
    "memcached/",
  );
  for (const place of places) await get("--compressed", `${base}/${place}`);
  await get("-r", "100-200,300-400", `${base}/large.bin`);
  await get("-u", "other:secret", `${base}/secret/small.html`);
  for (const place of ["proxy/", "stream/", "kept/", "fastcgi/", "limited/"])
    await get("-d", "x".repeat(100_000), `${base}/${place}`);
  await get("-H", "Transfer-Encoding: chunked", "-d", "x".repeat(100_000), `${base}/proxy/`);
  await change(get, `${base}/dav`, join(context.scratch, "files", "large.bin"));
  await get("-g", `http://[::1]:${ports.PORT}/small.html`);
  await get("--unix-socket", join(context.scratch, "web.sock"), "http://localhost/small.html");
  await get("--http2", `https://127.0.0.1:${ports.TLS_PORT}/large.bin`);
  await get("--http1.1", "-d", "x".repeat(40_000), `https://127.0.0.1:${ports.TLS_PORT}/proxy/`);
  const others = [ports.TCP_PORT, ports.UDP_PORT, ports.MAIL_PORT, ports.PORT].map(String);
  await context.client("bash", [context.file("nginx", "talk.sh"), ...others], { expect: [0, 1, 124] });
}

/** Every method of WebDAV that the package has. */
async function change(get, base, file) {
  await get("-T", file, `${base}/one.bin`);
  await get("-X", "MKCOL", `${base}/directory/`);
  await get("-X", "COPY", "-H", `Destination: ${base}/two.bin`, `${base}/one.bin`);
  await get("-X", "MOVE", "-H", `Destination: ${base}/directory/three.bin`, `${base}/two.bin`);
  await get("-X", "COPY", "-H", `Destination: ${base}/copied/`, `${base}/directory/`);
  await get("-X", "DELETE", `${base}/directory/`);
  await get("-X", "DELETE", `${base}/copied/`);
}
