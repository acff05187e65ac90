// SPDX-License-Identifier: MIT
// haproxy: its own suite, which Debian's varnishtest runs; and what only a service does: logs of every kind, DNS,
// peers, Lua, splicing, a master that reloads its workers, a hand-over of sockets, a daemon in a root directory of its
// own, the watchdog.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { selfSigned, withWebServer } from "./support/web.js";

export const workloads = [{ name: "haproxy", binary: "/usr/sbin/haproxy", run }];

const ports = ["PORT", "TLS_PORT", "STATISTICS_PORT", "ADMIN_PORT", "PEER_PORT", "RAW_PORT", "LOG_PORT"];

async function run(context) {
  await runSuite(context);
  const { cert, key } = await selfSigned(context);
  writeFileSync(join(context.scratch, "both.pem"), `${cert}${key}`);
  copyFileSync(context.file("haproxy", "service.lua"), join(context.scratch, "service.lua"));
  await withWebServer(async (backendPort) => {
    const env = { SCRATCH: context.scratch, BACKEND_PORT: `${backendPort}` };
    for (const name of ports) env[name] = `${await context.freePort()}`;
    const args = ["-f", context.file("haproxy", "service.cfg")];
    await runAlone(context, args, env);
    await runMaster(context, args, env);
    await runClosed(context, env);
    await runOnce(context, args, env);
  });
}

async function runSuite(context) {
  const cwd = context.source("haproxy");
  const env = {
    HAPROXY_PROGRAM: context.tracedProgram,
    VTEST_PROGRAM: "/usr/bin/varnishtest",
    TMPDIR: context.scratch,
  };
  // A traced server is slow, and some tests ask for exact times or for a newer varnishtest.
  const args = [join("scripts", "run-regtests.sh"), "--j", "8", "--type", "default,bug,devel,slow"];
  await context.suite("sh", args, { cwd, env, expect: [0, 1] });
}

/** Each way to wait; then a second one takes the sockets over. */
async function runAlone(context, args, env) {
  for (const polling of [["-de"], ["-de", "-dp"], ["-dS", "-dG"]]) {
    const server = context.start(["-db", ...polling, ...args], { env });
    await context.waitForPort(env.PORT);
    await request(context, env);
    await server.stop("SIGUSR1"); // lets connections end
  }
  const first = context.start(["-db", ...args], { env });
  await context.waitForPort(env.PORT);
  await request(context, env);
  const takeOver = ["-x", join(context.scratch, "admin.sock"), "-sf", `${first.pid()}`];
  const second = context.start(["-db", ...takeOver, ...args], { env });
  await first.ended();
  await request(context, env);
  second.signal("SIGHUP");
  second.signal("SIGQUIT");
  for (const line of readFileSync(context.file("haproxy", "commands.txt"), "utf8").trim().split("\n"))
    await ask(context, env.ADMIN_PORT, line);
  await second.ended(); // the last command is a panic
}

async function runMaster(context, args, env) {
  const socket = join(context.scratch, "notify.sock"); // nothing listens there; it is told all the same
  const options = { env: { ...env, NOTIFY_SOCKET: socket } };
  const master = context.start(["-Ws", "-S", join(context.scratch, "master.sock"), ...args], options);
  await context.waitForPort(env.PORT);
  await context.pause(1000); // it listens before it handles signals
  master.signal("SIGUSR2");
  await context.pause(2000);
  await request(context, env);
  await master.stop("SIGTERM");
}

/** Only root may change the root directory. */
async function runClosed(context, env) {
  if (process.getuid() !== 0) return;
  const daemon = context.start(["-f", context.file("haproxy", "closed.cfg")], { env });
  await context.waitForPort(env.PORT);
  await context.client("curl", ["-sS", "-o", "/dev/null", `http://127.0.0.1:${env.PORT}/`], {
    expect: [0, 52],
  });
  process.kill(Number(readFileSync(join(context.scratch, "closed.pid"), "utf8")), "SIGTERM");
  await daemon.ended();
}

async function runOnce(context, args, env) {
  await context.trace(["-vv"]);
  await context.trace(["-h"], { expect: [0, 1] });
  await context.trace(["-c", ...args], { env });
  await context.trace(["-c", "-f", "missing.cfg"], { expect: [1] });
  await context.trace(["-D", "-q", "-L", "two", "-c", ...args], { env, expect: [0, 1] });
}

async function request(context, env) {
  const base = `http://127.0.0.1:${env.PORT}`;
  await context.client("ab", ["-q", "-k", "-n", "300", "-c", "8", `${base}/`]);
  const quiet = ["-sS", "-k", "-o", "/dev/null", "--max-time", "5"];
  const get = (...more) => context.client("curl", [...quiet, ...more], { expect: [0, 7, 28, 52, 56] });
  for (const path of ["large", "missing", "lua", "resolve", "named", "foreign", "gone"])
    await get(`${base}/${path}`);
  await get("-d", "x".repeat(100_000), `${base}/`);
  await get("--compressed", `${base}/`, "-o", "/dev/null", `https://127.0.0.1:${env.TLS_PORT}/large`);
  await get(
    `http://127.0.0.1:${env.RAW_PORT}/large`,
    "-o",
    "/dev/null",
    `http://127.0.0.1:${env.STATISTICS_PORT}/`,
  );
  await get(`http://127.0.0.1:${env.STATISTICS_PORT}/metrics`);
  await get("--unix-socket", join(context.scratch, "web.sock"), "http://localhost/");
  await get("-g", `http://[::1]:${env.PORT}/`);
  await context.client("bash", [context.file("haproxy", "log.sh"), env.LOG_PORT], { expect: [0, 1] });
}

function ask(context, port, line) {
  return context.client("bash", [context.file("haproxy", "ask.sh"), port, line], { expect: [0, 1, 124] });
}
