// SPDX-License-Identifier: MIT
/**
 * passt (passt.top): connects the guest's card with sockets of the host, as an ordinary user's process.
 *
 * It looks for addresses at an interface of the host, and does without default routes when it is told the guest's. Of
 * what it can do it gets what is used: no DHCP, no advertised routes.
 */
import { networkInterfaces } from "node:os";
import type { Command } from "../host/exec.js";
import { inheritedFd } from "../host/spawn.js";
import type { PortMapping } from "../network-options.js";

/** The interface that passt looks at. */
export interface HostLink {
  readonly name: string;
  /** passt speaks IPv6 where this interface has a link-local address. */
  readonly hasIpv6: boolean;
}

export interface PasstOptions {
  readonly ports: readonly PortMapping[];
  readonly host: HostLink;
  readonly ipv4: { readonly address: string; readonly prefixBits: number; readonly gateway: string };
  readonly ipv6: { readonly address: string; readonly gateway: string };
  readonly nameserver: string;
}

/** Hardware address of the gateway: QEMU's user network has the same. */
const gatewayHardwareAddress = "52:55:0a:00:02:02";

/** The card of this host that knows the most; the loopback interface where there is none. */
export function hostLink(interfaces = networkInterfaces()): HostLink {
  const links = Object.entries(interfaces).flatMap(([name, addresses = []]) => {
    if (addresses.every(({ internal, mac }) => internal || /^[0:]+$/.test(mac))) return [];
    return [{ name, hasIpv6: addresses.some(({ address }) => address.startsWith("fe80:")) }];
  });
  return links.find(({ hasIpv6 }) => hasIpv6) ?? links[0] ?? { name: "lo", hasIpv6: false };
}

/** Its end of the connection to QEMU is at `inheritedFd`; it ends when that is closed. */
export function passtCommand({ ports, host, ipv4, ipv6, nameserver }: PasstOptions): Command {
  return {
    tool: "passt",
    args: [
      ...["--foreground", "--quiet", "--fd", String(inheritedFd)],
      ...["--interface", host.name, "--mac-addr", gatewayHardwareAddress],
      ...["--address", ipv4.address, "--netmask", String(ipv4.prefixBits), "--gateway", ipv4.gateway],
      ...(host.hasIpv6 ? ["--address", ipv6.address, "--gateway", ipv6.gateway] : ["--ipv4-only"]),
      ...["--no-dhcp", "--no-dhcpv6", "--no-ra", "--dns-forward", nameserver],
      ...ports.flatMap((port) => [port.protocol === "tcp" ? "--tcp-ports" : "--udp-ports", forward(port)]),
    ],
  };
}

interface RelayOptions {
  /** Handshakes, where passt does not. */
  readonly completes: boolean;
  /** The guest's IPv4 address, and one that nobody has, of clients over IPv6 whose server listens on IPv4 alone. */
  readonly addresses: { readonly guest: string; readonly translated: string };
}

/** What stands between QEMU and passt (host-helpers/handshake.c), with QEMU's end and then passt's. */
export function relayCommand(tool: string, { completes, addresses }: RelayOptions): Command {
  const ends = [inheritedFd, inheritedFd + 1].map(String);
  return { tool, args: [...ends, completes ? "complete" : "pass", addresses.guest, addresses.translated] };
}

function forward({ address, hostPort, guestPort }: PortMapping): string {
  return `${address === undefined ? "" : `${address}/`}${hostPort}:${guestPort}`;
}
