// SPDX-License-Identifier: MIT
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect } from "vitest";
import { ukl } from "../support/cli.js";
import { networks, type Reached, testNetworks } from "../support/networks.js";

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const certificate = "-x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=host".split(" ");

/** Of a run whose program gets these arguments. */
function runWords({ image, network }: Pick<Reached, "image" | "network">, args: readonly string[]) {
  return ["run", image, "--net", network.net, "--timeout", "300", "--", ...args];
}

const fetchOver = (host: string) => ({
  does: "curl in the guest gets 5 MB of a server of the host",
  async work({ image, network, scratch }: Reached) {
    const body = randomBytes(2_500_000).toString("hex");
    const [key, cert] = await Promise.all(
      ["key.pem", "certificate.pem"].map((name) => readFile(join(scratch, name))),
    );
    const server = createServer({ key, cert }, (_, response) => response.end(body)).listen(0);
    await once(server, "listening");
    try {
      const url = `https://${host}:${(server.address() as AddressInfo).port}/`;
      const { exitStatus, stdout, stderr } = await ukl(
        runWords({ image, network }, ["-sS", "--cacert", "/ca.pem", url]),
        {
          env: network.env,
        },
      );
      expect({ exitStatus, stderr: stderr.replace(/^note:.*\n/, "") }).toEqual({ exitStatus: 0, stderr: "" });
      expect(stdout === body).toBe(true);
    } finally {
      server.close();
    }
  },
});

testNetworks(
  {
    async configuration(scratch) {
      const path = (name: string) => join(scratch, name);
      const names = ["-addext", "subjectAltName=IP:10.0.2.2,IP:fd75:6b6c::2"];
      await execa("openssl", [
        "req",
        ...certificate,
        ...names,
        "-keyout",
        path("key.pem"),
        "-out",
        path("certificate.pem"),
      ]);
      return { program: "/usr/bin/curl", files: { include: { "/ca.pem": path("certificate.pem") } } };
    },
  },
  [
    { name: "HTTPS out of the guest", ...fetchOver("10.0.2.2") },
    {
      name: "HTTPS out of the guest, IPv6",
      ...fetchOver("[fd75:6b6c::2]"),
      on: networks.filter(({ hosts }) => hosts.includes("::1")),
    },
  ],
);

testNetworks({ configuration: () => ({ program: "/usr/bin/getent" }) }, [
  {
    name: "names",
    does: "getent asks the host's name server",
    async work({ image, network, scratch }) {
      await writeFile(join(scratch, "resolv.conf"), "nameserver 127.0.0.1\n");
      const script = `ip link set lo up && mount --bind "$1" /etc/resolv.conf || exit 99
        "$2" "$3" & server=$!; shift 3; sleep 1; "$@"; status=$?; kill $server; exit $status`;
      const under = ["unshare", "-rnm", "sh", "-c", script, "sh", join(scratch, "resolv.conf")];
      const all = [...under, process.execPath, file("../boot/network/name-server.js")];
      const { exitStatus, stdout } = await ukl(runWords({ image, network }, ["ahostsv4", "host.ukl.test"]), {
        under: all,
        env: network.env,
      });
      expect({ exitStatus, stdout }).toEqual({
        exitStatus: 0,
        stdout: expect.stringMatching(/^192\.0\.2\.99 +STREAM host\.ukl\.test\n/),
      });
    },
  },
]);
