// SPDX-License-Identifier: MIT
// nginx: files with keepalive, gzip and thread pool reads, a listing, TLS, a proxy; reload, reopen, stop.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { selfSigned, withWebServer } from "./support/web.js";

export const workloads = [{ name: "nginx", binary: "/usr/sbin/nginx", run }];

async function run(context) {
  const [port, tlsPort] = [await context.freePort(), await context.freePort()];
  const files = join(context.scratch, "files");
  mkdirSync(files);
  writeFileSync(join(files, "small.html"), "<p>hello</p>".repeat(100));
  writeFileSync(join(files, "large.bin"), Buffer.alloc(3 << 20, 7));
  const tls = await selfSigned(context);
  await context.client("chmod", ["-R", "a+rX", context.scratch]); // workers give up root
  await withWebServer(async (backendPort) => {
    const configuration = join(context.scratch, "nginx.conf");
    writeFileSync(
      configuration,
      configurationOf(context.scratch, files, { port, tlsPort, backendPort }, tls),
    );
    const args = ["-p", context.scratch, "-c", configuration];
    await context.trace(["-V"]);
    await context.trace(["-t", ...args]);
    const server = context.start([...args, "-g", "daemon off;"]);
    await context.waitForPort(tlsPort);
    await request(context, port, tlsPort);
    server.signal("SIGUSR1");
    await context.pause(300);
    server.signal("SIGHUP");
    await context.pause(1000);
    await request(context, port, tlsPort);
    await server.stop("SIGQUIT");
  });
}

async function request(context, port, tlsPort) {
  const base = `http://127.0.0.1:${port}`;
  await context.client("ab", ["-q", "-k", "-n", "300", "-c", "8", `${base}/small.html`]);
  const get = (...args) => context.client("curl", ["-sS", "-o", "/dev/null", ...args]);
  await get("--compressed", `${base}/small.html`, `${base}/large.bin`, `${base}/missing`, `${base}/list/`);
  await get("-r", "100-200", `${base}/large.bin`);
  await get(`${base}/threads/large.bin`);
  await get("-d", "x".repeat(40_000), `${base}/proxy/large`);
  await get("-k", `https://127.0.0.1:${tlsPort}/small.html`);
}

function configurationOf(scratch, files, { port, tlsPort, backendPort }, tls) {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${scratch}/${kind};`,
  );
  return `worker_processes 2; pid ${scratch}/nginx.pid; error_log ${scratch}/error.log;
events { worker_connections 64; }
http {
  ${temporary.join(" ")}
  access_log ${scratch}/access.log;
  sendfile on; tcp_nopush on; gzip on; gzip_types *; open_file_cache max=10;
  server {
    listen 127.0.0.1:${port}; root ${files};
    location /list/ { alias ${files}/; autoindex on; }
    location /threads/ { alias ${files}/; sendfile off; aio threads; }
    location /proxy/ { proxy_pass http://127.0.0.1:${backendPort}/; }
  }
  server {
    listen 127.0.0.1:${tlsPort} ssl; root ${files};
    ssl_certificate ${tls.certFile}; ssl_certificate_key ${tls.keyFile};
  }
}
`;
}
