// SPDX-License-Identifier: MIT
// redis-server: its own suite, with clusters and sentinels; and what only a service does: TLS, other addresses, a
// daemon, systemd, a crash, the other names of the program.
import { copyFileSync, cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { selfSigned } from "./support/web.js";

export const workloads = [{ name: "redis-server", binary: "/usr/bin/redis-server", run }];

async function run(context) {
  await runSuite(context);
  await runService(context);
  await runSentinel(context);
  await runDaemon(context);
  await runOnce(context);
}

async function runSuite(context) {
  const source = join(context.scratch, "source");
  cpSync(context.source("redis-server"), source, { recursive: true });
  const place = (target, name) => symlinkSync(target, join(source, "src", name));
  place(context.tracedProgram, "redis-server");
  place(context.file("redis", "sentinel.sh"), "redis-sentinel");
  for (const name of ["redis-cli", "redis-benchmark", "redis-check-aof", "redis-check-rdb"])
    place(`/usr/bin/${name}`, name);
  // A traced server is slow, and some tests ask for exact times.
  const options = { cwd: source, expect: [0, 1] };
  const suite = (script, ...args) => context.suite("tclsh", [join("tests", script), ...args], options);
  const units = readFileSync(context.file("redis", "units.txt"), "utf8").trim().split("\n");
  const chosen = units.flatMap((unit) => ["--single", unit]);
  await suite("test_helper.tcl", "--clients", "8", "--tags", "-slow", ...chosen);
  await suite("sentinel/run.tcl", "--single", "0[05]-");
  await suite("cluster/run.tcl", "--single", "0[01]-");
}

/** Most settings are changed while it runs; it restarts itself, and crashes. */
async function runService(context) {
  const [port, tlsPort] = [await context.freePort(), await context.freePort()];
  await selfSigned(context);
  copyFileSync(context.file("redis", "server.conf"), join(context.scratch, "server.conf"));
  writeFileSync(join(context.scratch, "users.acl"), "");
  const args = ["server.conf", "--port", `${port}`, "--tls-port", `${tlsPort}`];
  // Nothing listens there; it is told all the same.
  const env = { NOTIFY_SOCKET: join(context.scratch, "notify.sock") };
  const server = context.start([...args, "--supervised", "systemd"], { env });
  await context.waitForPort(port);
  const cli = (...more) => context.client("redis-cli", more, { expect: [0, 1] });
  await context.client("redis-benchmark", ["-p", `${port}`, "-q", "-n", "2000", "-c", "60", "-t", "get,set"]);
  await cli("-p", `${tlsPort}`, "--tls", "--insecure", "PING");
  await cli("-h", "::1", "-p", `${port}`, "PING");
  const input = readFileSync(context.file("redis", "commands.txt"), "utf8");
  await context.client("redis-cli", ["-s", join(context.scratch, "server.sock")], { input, expect: [0, 1] });
  await context.pause(1500);
  await cli("-p", `${port}`, "REPLICAOF", "localhost", "9");
  await context.pause(1500);
  await cli("-p", `${port}`, "REPLICAOF", "NO", "ONE");
  await cli("-p", `${port}`, "DEBUG", "RESTART");
  await context.waitForPort(port);
  await cli("-p", `${port}`, "DEBUG", "SEGFAULT");
  await server.ended();
}

async function runSentinel(context) {
  const port = await context.freePort();
  copyFileSync(context.file("redis", "sentinel.conf"), join(context.scratch, "sentinel.conf"));
  const sentinel = context.start(["sentinel.conf", "--sentinel", "--port", `${port}`]);
  await context.waitForPort(port);
  const script = ["SENTINEL", "SET", "main", "notification-script", "/bin/true"];
  await context.client("redis-cli", ["-p", `${port}`, ...script]);
  await context.pause(1500);
  await sentinel.stop("SIGTERM");
}

async function runDaemon(context) {
  const port = await context.freePort();
  const args = ["--daemonize", "yes", "--pidfile", "daemon.pid", "--dir", context.scratch];
  const daemon = context.start([...args, "--logfile", "log", "--port", `${port}`]);
  await context.waitForPort(port);
  await context.client("redis-cli", ["-p", `${port}`, "SET", "key", "value"]);
  await context.client("redis-cli", ["-p", `${port}`, "SHUTDOWN", "SAVE"], { expect: [0, 1] });
  await daemon.ended();
}

async function runOnce(context) {
  await context.trace(["--version"]);
  await context.trace(["--help"], { expect: [1] });
  await context.trace(["--test-memory", "1"]);
  await context.trace(["--check-system"], { expect: [0, 1] });
  await context.trace(["--port", "1", "--bind", "192.0.2.1"], { expect: [1] });
  if (existsSync(join(context.scratch, "dump.rdb")))
    await context.trace(["dump.rdb"], { argv0: "/usr/bin/redis-check-rdb" });
}
