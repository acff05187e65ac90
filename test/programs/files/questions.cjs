#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// What a program for Node asks of its machine, a line each: the same on Debian and in a guest.
const os = require("node:os"),
  cp = require("node:child_process"),
  fs = require("node:fs"),
  dns = require("node:dns"),
  net = require("node:net"),
  wt = require("node:worker_threads"),
  crypto = require("node:crypto"),
  tls = require("node:tls"),
  _path = require("node:path");
const t = async (n, f) => {
  try {
    process.stdout.write(`${n} ${await f()}\n`);
  } catch (e) {
    process.stdout.write(`${n} EXC ${e.code ?? e.name} ${String(e.message).slice(0, 80)}\n`);
  }
};
(async () => {
  await t("exec", () => cp.execSync("echo a | wc -c").toString().trim());
  await t("spawn", () => cp.spawnSync(process.execPath, ["-e", "process.exit(4)"]).status);
  await t(
    "worker",
    () =>
      new Promise((r, j) => {
        const w = new wt.Worker('require("worker_threads").parentPort.postMessage(6)', { eval: true });
        w.on("message", r);
        w.on("error", j);
      }),
  );
  await t("lookup", () => dns.promises.lookup("localhost").then((x) => x.address));
  await t("hostname", () => os.hostname() !== "(none)");
  await t("ifs", () => Object.keys(os.networkInterfaces()).includes("lo"));
  await t("user", () => os.userInfo().username);
  await t("home", () => os.homedir());
  await t("tz", () => new Date(2020, 6, 1).toLocaleString("de-DE", { timeZone: "Europe/Berlin" }));
  await t("intl", () => new Intl.NumberFormat("de").format(1234.5));
  await t("ca", () => tls.rootCertificates.length > 50);
  await t(
    "watch",
    () =>
      new Promise((r) => {
        fs.mkdirSync("/tmp/w", { recursive: true });
        const w = fs.watch("/tmp/w", (_e, f) => {
          w.close();
          r(f);
        });
        fs.writeFileSync("/tmp/w/a", "1");
      }),
  );
  await t(
    "net",
    () =>
      new Promise((r) => {
        const s = net
          .createServer((c) => c.end("x"))
          .listen(0, () =>
            net.connect(s.address().port).on("data", (d) => {
              s.close();
              r(d.toString());
            }),
          );
      }),
  );
  await t(
    "unix",
    () =>
      new Promise((r) => {
        const s = net
          .createServer((c) => c.end("u"))
          .listen(`/tmp/w/s${process.pid}`, () =>
            net.connect(s.address()).on("data", (d) => {
              s.close();
              r(d.toString());
            }),
          );
      }),
  );
  await t("scrypt", () => crypto.scryptSync("a", "b", 8).length);
  await t("mem", () => os.totalmem() > 0 && os.freemem() > 0 && process.memoryUsage().rss > 0);
  await t("cpus", () => os.cpus().length > 0 && os.availableParallelism() > 0);
  await t("uptime", () => os.uptime() > 0);
  await t(
    "signal",
    () =>
      new Promise((r) => {
        process.once("SIGUSR2", () => r("got"));
        process.kill(process.pid, "SIGUSR2");
      }),
  );
  await t(
    "fetch",
    () =>
      new Promise((r) => {
        const s = require("node:http")
          .createServer((_q, a) => a.end("h"))
          .listen(0, async () => {
            const x = await (await fetch(`http://localhost:${s.address().port}`)).text();
            s.close();
            r(x);
          });
      }),
  );
  await t("wasm", () => WebAssembly.validate(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)));
  await t("inspector", () => !!require("node:inspector").Session);
  process.exit(0);
})();
