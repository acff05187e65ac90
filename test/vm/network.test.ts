// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import {
  chooseNetwork,
  hardwareAddress,
  type NetworkWish,
  passtPlan,
  planNetwork,
  tapPlan,
  userPlan,
} from "../../src/vm/network.js";
import { hostLink } from "../../src/vm/passt.js";
import type { PasstAbility } from "../../src/vm/passt-ability.js";
import { peerOf, tapInterface } from "../../src/vm/tap.js";

const web = { protocol: "tcp", hostPort: 8080, guestPort: 80 } as const;
const local = { protocol: "udp", address: "127.0.0.1", hostPort: 5353, guestPort: 53 } as const;

const wish = (changes: Partial<NetworkWish> = {}): NetworkWish => ({
  net: "auto",
  ports: [],
  hasCard: true,
  hasIpv6: true,
  usesSockets: true,
  hasPasst: true,
  ...changes,
});

describe("by itself", () => {
  test("an application that can open sockets gets passt, where that is installed", () => {
    expect(chooseNetwork(wish())).toBe("passt");
    expect(chooseNetwork(wish({ hasPasst: false }))).toBe("none");
    expect(chooseNetwork(wish({ usesSockets: false }))).toBe("none");
    expect(chooseNetwork(wish({ hasCard: false }))).toBe("none");
  });

  test("ports ask for passt, installed or not", () => {
    expect(chooseNetwork(wish({ ports: [web], usesSockets: false, hasPasst: false }))).toBe("passt");
  });
});

describe("what is asked for", () => {
  test("is had", () => {
    for (const net of ["passt", "user", "none", "tap:tap0"]) expect(chooseNetwork(wish({ net }))).toBe(net);
  });

  test("needs a kernel with a card", () => {
    for (const net of ["passt", "user", "tap:tap0"]) {
      expect(() => chooseNetwork(wish({ net, hasCard: false }))).toThrow("UKL-605");
    }
    expect(() => chooseNetwork(wish({ ports: [web], hasCard: false }))).toThrow("UKL-605");
  });

  test("is not ports to nowhere, nor a port to two places", () => {
    for (const net of ["none", "tap:tap0"]) {
      expect(() => chooseNetwork(wish({ net, ports: [web] }))).toThrow("UKL-101");
    }
    expect(() => chooseNetwork(wish({ ports: [web, { ...web, guestPort: 81 }] }))).toThrow("UKL-101");
    chooseNetwork(wish({ ports: [web, { ...web, protocol: "udp", guestPort: 81 }] }));
  });
});

describe("what was tried", () => {
  const whole = { works: true, greets: true, datagramBytes: 65_492 } as const;
  const mute = { ...whole, greets: false };
  const theRelay = { tool: "/bin/relay", args: ["8", "9", "pass"] };
  const plan = (ability: PasstAbility, changes: Partial<NetworkWish> = {}) =>
    planNetwork(wish({ ports: [web], ...changes }), {
      tryPasst: async () => ability,
      backlogLibrary: async () => "/lib/backlog",
    });

  test("is used as it is where it does what is asked, with packets of the size that passed", async () => {
    const ability = { alone: whole, relayed: whole, relay: theRelay };
    const { helper, relay, devices, note } = await plan(ability);
    expect({ tool: helper?.tool, relay, note }).toEqual({ tool: "passt", relay: theRelay, note: undefined });
    expect(devices.at(-1)).toMatch(/,host_mtu=65520$/);
  });

  test("gets a relay where there is one, without which passt serves no ports of TCP", async () => {
    const ability = { alone: mute, relayed: whole, relay: theRelay };
    expect((await plan(ability)).relay).toEqual(theRelay);
    expect((await plan(ability, { ports: [local] })).relay).toEqual(theRelay);
    const { helper, note } = await plan({ alone: whole });
    expect({ helper, note }).toEqual({
      helper: undefined,
      note: expect.stringContaining("without the relay"),
    });
    expect((await plan({ alone: whole }, { ports: [] })).helper).toMatchObject({ tool: "passt" });
    expect((await plan(ability)).helper?.env?.["LD_PRELOAD"]).toMatch(/^\/lib\/backlog/);
  });

  test("gives way to QEMU's user network where it does not serve, unless it is named", async () => {
    for (const alone of [mute, { works: false, reason: "no namespaces" } as const]) {
      const { helper, environment, note } = await plan({ alone });
      expect(helper).toBeUndefined();
      expect(environment?.["LD_PRELOAD"]).toMatch(/^\/lib\/backlog/);
      expect(note).toMatch(/speaks first|no namespaces/);
    }
    const broken = { alone: { works: false, reason: "no namespaces" } } as const;
    await expect(plan(broken, { net: "passt" })).rejects.toMatchObject({ code: "UKL-608" });
    const { helper, note } = await plan({ alone: mute }, { net: "passt" });
    expect({ tool: helper?.tool, note }).toEqual({
      tool: "passt",
      note: expect.stringContaining("speaks first"),
    });
  });

  test("is not asked for one port at two addresses", () => {
    const both = ["127.0.0.1", "127.0.0.2"].map((address) => ({ ...web, address }));
    expect(chooseNetwork(wish({ ports: both }))).toBe("user");
    expect(() => chooseNetwork(wish({ ports: both, net: "passt" }))).toThrow("UKL-101");
    const families = ["127.0.0.1", "::1"].map((address) => ({ ...web, address }));
    expect(() => chooseNetwork(wish({ ports: families }))).toThrow("UKL-101");
  });
});

describe("passt", () => {
  const argumentsOf = (option: string, args: readonly string[] = []) =>
    args.flatMap((word, index) => (args[index - 1] === option ? [word] : []));

  test("gets the ports, by protocol and address", () => {
    const { helper } = passtPlan([web, local], { name: "eth0", hasIpv6: true });
    expect(argumentsOf("--tcp-ports", helper?.args)).toEqual(["8080:80"]);
    expect(argumentsOf("--udp-ports", helper?.args)).toEqual(["127.0.0.1/5353:53"]);
  });

  test("has IPv6 where the host's interface has a link-local address", () => {
    const without = passtPlan([], { name: "lo", hasIpv6: false });
    expect(without.helper?.args).toContain("--ipv4-only");
    expect(without.guest).not.toHaveProperty("ipv6");
    expect(passtPlan([], { name: "eth0", hasIpv6: true }).guest).toHaveProperty("ipv6");
  });

  test("looks at the interface that knows the most", () => {
    const address = (text: string, mac: string, internal = false) => ({
      ...{ address: text, netmask: "", mac, internal, cidr: null },
      ...(text.includes(":") ? { family: "IPv6" as const, scopeid: 0 } : { family: "IPv4" as const }),
    });
    const lo = [address("127.0.0.1", "00:00:00:00:00:00", true)];
    const eth0 = [address("192.0.2.2", "02:00:00:00:00:01")];
    const eth1 = [address("fe80::1", "02:00:00:00:00:02")];
    expect(hostLink({ lo })).toEqual({ name: "lo", hasIpv6: false });
    expect(hostLink({ lo, eth0 })).toEqual({ name: "eth0", hasIpv6: false });
    expect(hostLink({ lo, eth0, eth1 })).toEqual({ name: "eth1", hasIpv6: true });
  });
});

test("QEMU's user network is told the same ports and addresses, and comes with a warning", () => {
  const { devices, guest, note } = userPlan([web, local]);
  expect(devices[1]).toMatch(
    /^user,.*host=10\.0\.2\.2,.*hostfwd=tcp::8080-:80,hostfwd=udp:127\.0\.0\.1:5353-:53$/,
  );
  expect(guest).toEqual(passtPlan([], { name: "eth0", hasIpv6: true }).guest);
  expect(note).toMatch(/stalls/);
  expect(() => userPlan([{ ...web, address: "::1" }])).toThrow("UKL-101");
});

describe("a tap interface", () => {
  const shown = (link: object) => JSON.stringify([{ ifname: "tap0", ...link }]);
  const tun = { linkinfo: { info_kind: "tun", info_data: { type: "tap" } } };
  const inet = { family: "inet", local: "10.9.0.1", prefixlen: 24, scope: "global" };
  const linkLocal = { family: "inet6", local: "fe80::1", prefixlen: 64, scope: "link" };
  const inet6 = { family: "inet6", local: "fd00::1", prefixlen: 64, scope: "global" };

  test("has the guest as its neighbour", () => {
    const tap = tapInterface("tap0", shown({ ...tun, addr_info: [inet, linkLocal, inet6] }));
    expect(tap).toEqual({
      name: "tap0",
      ipv4: { address: "10.9.0.2", prefixBits: 24, gateway: "10.9.0.1" },
      ipv6: { address: "fd00::2", prefixBits: 64, gateway: "fd00::1" },
    });
    const plan = tapPlan(tap);
    expect(plan.devices[1]).toBe("tap,id=net,ifname=tap0,script=no,downscript=no");
    expect(plan.note).toBe("the guest is at 10.9.0.2 and fd00::2");
  });

  test("that is none, or has no address, is UKL-608", () => {
    expect(() => tapInterface("tap0", shown({ addr_info: [inet] }))).toThrow("UKL-608");
    expect(() => tapInterface("tap0", shown({ ...tun, addr_info: [linkLocal] }))).toThrow("UKL-608");
  });

  test.each([
    ["10.0.0.1", 24, "10.0.0.2"],
    ["10.0.0.254", 24, "10.0.0.253"],
    ["10.0.0.255", 16, "10.0.1.0"],
    ["10.0.0.1", 30, "10.0.0.2"],
    ["10.0.0.2", 30, "10.0.0.1"],
    ["fd00::ffff", 64, "fd00::1:0"],
  ])("at %s/%i has %s beside it", (gateway, prefixBits, address) => {
    expect(peerOf(gateway, prefixBits)).toEqual({ address, prefixBits, gateway });
  });
});

test("a hardware address is one station's, and nobody has registered it", () => {
  const first = Number.parseInt(hardwareAddress("10.0.2.15").slice(0, 2), 16);
  expect(first & 0b11).toBe(0b10);
  expect(hardwareAddress("10.0.2.15")).not.toBe(hardwareAddress("10.0.2.16"));
});
