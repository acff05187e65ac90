// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import { distinctPorts, formatHostPort, netPattern, parsePort } from "../src/network-options.js";

describe("a port", () => {
  test("of the host leads to one of the guest, over TCP unless it says UDP", () => {
    expect(parsePort("8080:80")).toEqual({ protocol: "tcp", hostPort: 8080, guestPort: 80 });
    expect(parsePort("53:5353/udp")).toEqual({ protocol: "udp", hostPort: 53, guestPort: 5353 });
  });

  test("can be at one address, where one of IPv6 is in brackets", () => {
    expect(parsePort("127.0.0.1:80:80")).toMatchObject({ address: "127.0.0.1" });
    expect(parsePort("[::1]:80:80")).toMatchObject({ address: "::1" });
    expect(
      ["127.0.0.1:80:80", "[::1]:80:80", "80:80"]
        .map((text) => parsePort(text))
        .map((port) => port && formatHostPort(port)),
    ).toEqual(["127.0.0.1:80", "[::1]:80", "80"]);
  });

  test.each([
    "",
    "80",
    "80:",
    ":80",
    "0:80",
    "80:65536",
    "80:80/sctp",
    "::1:80:80",
    "[127.0.0.1]:80:80",
    "256.0.0.1:80:80",
    "localhost:80:80",
    "80:80 ",
    "-1:80",
  ])("is not %j", (text) => expect(parsePort(text)).toBeUndefined());
});

test("a network is one of the names, or a tap interface with a name that Linux allows", () => {
  const all = [
    "auto",
    "passt",
    "user",
    "none",
    "tap:tap0",
    "tap:",
    "tap:a/b",
    "tap:sixteencharacter",
    "slirp",
  ];
  expect(all.filter((text) => netPattern.test(text))).toEqual(["auto", "passt", "user", "none", "tap:tap0"]);
});

test("a port that is named twice, or for all addresses too, is forwarded once", () => {
  const all = { protocol: "tcp", hostPort: 8080, guestPort: 80 } as const;
  const local = { ...all, address: "127.0.0.1" };
  const datagrams = { ...all, protocol: "udp" } as const;
  const second = { ...all, hostPort: 8081 };
  expect(distinctPorts([all, all, local, datagrams, second])).toEqual([all, datagrams, second]);
  expect(distinctPorts([local, { ...all, address: "127.0.0.2" }])).toHaveLength(2);
});
