// SPDX-License-Identifier: MIT
// haproxy: in front of a web server, with health checks, statistics and a command socket; then with a master
// process that is reloaded.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { withWebServer } from "./support/web.js";

export const workloads = [{ name: "haproxy", binary: "/usr/sbin/haproxy", run }];

async function run(context) {
  const [port, statisticsPort] = [await context.freePort(), await context.freePort()];
  await withWebServer(async (backendPort) => {
    const configuration = join(context.scratch, "haproxy.cfg");
    writeFileSync(configuration, configurationOf(context.scratch, { port, statisticsPort, backendPort }));
    await context.trace(["-c", "-f", configuration]);
    const server = context.start(["-db", "-f", configuration]);
    await context.waitForPort(port);
    await request(context, port, statisticsPort);
    await server.stop("SIGUSR1"); // lets connections end

    const master = context.start(["-W", "-db", "-f", configuration]);
    await context.waitForPort(port);
    await context.pause(500); // it listens before it handles signals
    master.signal("SIGUSR2");
    await context.pause(1500);
    await request(context, port, statisticsPort);
    await master.stop("SIGTERM");
  });
}

async function request(context, port, statisticsPort) {
  const base = `http://127.0.0.1:${port}`;
  await context.client("ab", ["-q", "-k", "-n", "300", "-c", "8", `${base}/`]);
  const get = (...args) => context.client("curl", ["-sS", "-o", "/dev/null", ...args]);
  await get(`${base}/large`, `${base}/missing`);
  await get("-d", "x".repeat(100_000), `${base}/`);
  await get(`http://127.0.0.1:${statisticsPort}/`);
}

function configurationOf(scratch, { port, statisticsPort, backendPort }) {
  return `global
  maxconn 64
  nbthread 2
  stats socket ${scratch}/admin.sock mode 600 level admin
  log 127.0.0.1:9 local0
defaults
  mode http
  log global
  option httplog
  timeout connect 2s
  timeout client 2s
  timeout server 2s
frontend web
  bind 127.0.0.1:${port}
  default_backend servers
frontend statistics
  bind 127.0.0.1:${statisticsPort}
  stats enable
  stats uri /
backend servers
  option httpchk GET /
  server one 127.0.0.1:${backendPort} check inter 200
`;
}
