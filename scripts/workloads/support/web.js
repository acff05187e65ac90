// SPDX-License-Identifier: MIT
// A small web server on loopback, for the programs that fetch or forward.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { join } from "node:path";

/** Runs `use(port)` while the server is there. With `tls` ({key, cert}) it speaks HTTPS. */
export async function withWebServer(use, tls) {
  const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(server.address().port);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** A key and a certificate for localhost, as files in the scratch directory and as text. */
export async function selfSigned(context) {
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(context.scratch, name));
  const subject = ["-subj", "/CN=localhost", "-days", "2"];
  const make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert];
  await context.client("openssl", [...make, ...subject]);
  return { keyFile: key, certFile: cert, key: readFileSync(key), cert: readFileSync(cert) };
}

function answer(request, response) {
  if (request.url === "/missing") response.statusCode = 404;
  if (request.url === "/moved") {
    response.writeHead(302, { location: "/" }).end();
    return;
  }
  request.resume().on("end", () => response.end("x".repeat(request.url === "/large" ? 1 << 20 : 100)));
}
