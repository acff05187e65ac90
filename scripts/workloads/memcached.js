// SPDX-License-Identifier: MIT
// memcached: its own suite, with TLS; and what only a service does: a daemon, another user, locked memory, large
// pages, UDP, SASL, a restart that keeps the memory.
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { selfSigned } from "./support/web.js";

export const workloads = [{ name: "memcached", binary: "/usr/bin/memcached", run }];

/** They need minutes, and only the data differs; a checkout; or the debug build. */
const leftOut = ["lru-crawler.t", "restart.t", "watcher.t", "whitespace.t", "expirations.t", "issue_67.t"];
const root = process.getuid() === 0;
const user = root ? ["-u", "nobody"] : [];

async function run(context) {
  await runSuite(context);
  await runPlain(context);
  await runTls(context);
  await runDaemon(context);
  await runOnce(context);
}

async function runSuite(context) {
  const source = join(context.scratch, "source");
  cpSync(context.source("memcached"), source, { recursive: true });
  symlinkSync(context.tracedProgram, join(source, "memcached-debug"));
  execFileSync("gcc", ["-o", "timedrun", "timedrun.c"], { cwd: source });
  withoutPrivilegeOption(join(source, "t", "lib", "MemcachedTest.pm"));
  const tests = readdirSync(join(source, "t")).filter(
    (name) => name.endsWith(".t") && !leftOut.includes(name),
  );
  const overTls = tests.filter((name) => name.startsWith("ssl_"));
  // A traced server is slow, and some tests ask for exact times.
  const options = { cwd: source, expect: [0, 1] };
  const prove = (names, env) =>
    context.suite("prove", ["-j8", ...names.map((name) => join("t", name))], { ...options, env });
  await prove(tests, {});
  await prove(overTls, { SSL_TEST: "1" });
}

/** Debian builds it without seccomp; it ends on this option of the debug build. */
function withoutPrivilegeOption(file) {
  writeFileSync(file, readFileSync(file, "utf8").replace(/^.*relaxed_privileges.*$/m, ""));
}

async function runPlain(context) {
  const port = await context.freePort();
  const address = ["-l", "127.0.0.1,::1", "-p", `${port}`];
  const args = [...address, "-m", "64", "-k", "-L", "-r", "-c", "2000", "-S", "-vv", ...user];
  const plain = context.start(args, { env: { SASL_CONF_PATH: context.file("memcached") } });
  await context.waitForPort(port);
  await context.client("bash", [context.file("memcached", "sasl.sh"), `${port}`]);
  await plain.stop("SIGINT");

  const socketFile = join(context.scratch, "socket");
  await context.client("chmod", ["a+rwx", context.scratch]);
  const kept = ["-e", join(context.scratch, "memory"), "-o", "modern,no_hashexpand,idle_timeout=1"];
  for (const signal of ["SIGUSR1", "SIGTERM"]) {
    const overUnix = context.start(["-s", socketFile, "-a", "0700", "-t", "2", "-A", ...kept, ...user]);
    await context.pause(1000);
    await talk(connect(socketFile));
    await context.pause(1500);
    await overUnix.stop(signal);
  }
}

async function runTls(context) {
  const port = await context.freePort();
  const { certFile, keyFile } = await selfSigned(context);
  const settings = `ssl_chain_cert=${certFile},ssl_key=${keyFile},ssl_session_cache,ssl_kernel_tls`;
  const args = ["-Z", "-l", "localhost", "-p", `${port}`, "-U", "0", "-D", ":", "-o", settings];
  const server = context.start([...args, ...(root ? ["-u", "root"] : [])]);
  await context.waitForPort(port);
  const client = ["s_client", "-quiet", "-connect", `127.0.0.1:${port}`];
  const input = readFileSync(context.file("memcached", "commands.txt"), "utf8").replaceAll("\n", "\r\n");
  await context.client("openssl", client, { input, expect: [0, 1] });
  await server.stop("SIGTERM");
}

async function runDaemon(context) {
  const port = await context.freePort();
  const pidFile = join(context.scratch, "memcached.pid");
  const storage = `ext_path=${join(context.scratch, "storage")}:64m,ext_item_size=512,ext_item_age=0`;
  const args = ["-d", "-P", pidFile, "-l", "127.0.0.1", "-p", `${port}`, "-U", "0", "-m", "8", "-o", storage];
  const daemon = context.start([...args, ...user]);
  await context.waitForPort(port);
  for (let round = 0; round < 4; round++) await talk(connect(port, "127.0.0.1"));
  process.kill(Number(readFileSync(pidFile, "utf8")), "SIGHUP");
  await context.pause(300);
  process.kill(Number(readFileSync(pidFile, "utf8")), "SIGTERM");
  await daemon.ended();
}

async function runOnce(context) {
  await context.trace(["-V"]);
  await context.trace(["-h"]);
  await context.trace(["-i"]);
  await context.trace(["-u", "nobody-of-this-name"], { expect: [67, 71, 1] });
  await context.trace(["-l", "192.0.2.1", "-p", "1", ...user], { expect: [71] });
}

function talk(socket) {
  const large = "x".repeat(200_000);
  const many = Array.from({ length: 400 }, (_, index) => `set key-${index} 0 0 4000\r\n${"y".repeat(4000)}`);
  const commands = [...many, `set large 0 0 ${large.length}\r\n${large}`, "get key-1 key-200 large missing"];
  commands.push("stats detail on", "stats sizes", "shutdown-not", "watch fetchers", "quit");
  return new Promise((resolve, reject) => {
    socket.setTimeout(2000, () => socket.destroy());
    socket.on("error", reject).on("close", resolve).resume();
    socket.write(`${commands.join("\r\n")}\r\n`);
  });
}
