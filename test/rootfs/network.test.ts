// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { networkFiles } from "../../src/rootfs/network.js";

const ipv4 = { address: "10.0.2.15", prefixBits: 24, gateway: "10.0.2.2" };
const ipv6 = { address: "fd00::f", prefixBits: 64, gateway: "fd00::2" };
const resolver =
  "# a comment\nnameserver 127.0.0.53\nnameserver 192.0.2.1\nsearch example.org\noptions edns0\n";

const filesOf = (...words: Parameters<typeof networkFiles>) =>
  Object.fromEntries(networkFiles(...words).map(({ path, data }) => [path, Buffer.from(data)]));
const textsOf = (...words: Parameters<typeof networkFiles>) =>
  Object.fromEntries(Object.entries(filesOf(...words)).map(([path, data]) => [path, data.toString()]));

test("init reads address, gateway and prefix of each family, zeros where there is none", () => {
  const bytes = filesOf({ ipv4 }, "app", "")["/ukl/network"];
  expect(bytes?.toString("hex")).toBe(
    `${"0a00020f".padEnd(32, "0")}${"0a000202".padEnd(32, "0")}18${"".padEnd(98, "0")}`,
  );
  const both = filesOf({ ipv4, ipv6, linkLocal: "fe80::f" }, "app", "")["/ukl/network"];
  expect(both?.subarray(33).toString("hex")).toBe(
    "fd00000000000000000000000000000ffd00000000000000000000000000000240fe80000000000000000000000000000f",
  );
});

test("names of the guest and its gateway are known", () => {
  expect(textsOf({ ipv4, ipv6 }, "app", "")["/etc/hosts"]).toBe(
    "127.0.0.1 localhost\n::1 localhost\n10.0.2.15 app\nfd00::f app\n10.0.2.2 _gateway\nfd00::2 _gateway\n",
  );
});

test("names are asked of whoever answers for the host, with its search list", () => {
  expect(textsOf({ ipv4, nameserver: "10.0.2.3" }, "app", resolver)["/etc/resolv.conf"]).toBe(
    "nameserver 10.0.2.3\nsearch example.org\noptions edns0\n",
  );
});

test("without that they are asked of the host's name servers that are not the host itself", () => {
  expect(textsOf({ ipv4 }, "app", resolver)["/etc/resolv.conf"]).toBe(
    "nameserver 192.0.2.1\nsearch example.org\noptions edns0\n",
  );
});
