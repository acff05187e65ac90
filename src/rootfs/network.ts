// SPDX-License-Identifier: MIT
/** The files of a guest with a network: its addresses for init, and what a C library looks names up with. */
import ipaddr from "ipaddr.js";
import type { RootFile } from "./root.js";

interface Family {
  readonly address: string;
  readonly prefixBits: number;
  readonly gateway: string;
}

export interface GuestNetwork {
  readonly ipv4?: Family;
  readonly ipv6?: Family;
  readonly linkLocal?: string;
  readonly nameserver?: string;
}

/** `hostResolver` is the text of the host's /etc/resolv.conf. */
export function networkFiles(network: GuestNetwork, name: string, hostResolver: string): readonly RootFile[] {
  const own = [network.ipv4, network.ipv6].filter((family) => family !== undefined);
  return [
    file("/ukl/network", networkBytes(network)),
    file(
      "/etc/hosts",
      lines([
        "127.0.0.1 localhost",
        "::1 localhost",
        ...own.map(({ address }) => `${address} ${name}`),
        ...own.map(({ gateway }) => `${gateway} _gateway`),
      ]),
    ),
    file("/etc/resolv.conf", lines(resolverLines(network.nameserver, hostResolver))),
  ];
}

const longestAddressBytes = 16;

/** struct network of syscall-stubs/x86_64/init/network.c. */
function networkBytes({ ipv4, ipv6, linkLocal }: GuestNetwork): Buffer {
  return Buffer.concat([familyBytes(ipv4), familyBytes(ipv6), addressBytes(linkLocal)]);
}

function familyBytes(family: Family | undefined): Buffer {
  const { address, gateway, prefixBits = 0 } = family ?? {};
  return Buffer.concat([addressBytes(address), addressBytes(gateway), Buffer.from([prefixBits])]);
}

function addressBytes(address: string | undefined): Buffer {
  const bytes = Buffer.alloc(longestAddressBytes);
  if (address !== undefined) bytes.set(ipaddr.parse(address).toByteArray());
  return bytes;
}

/** The host's search list; and its name servers, where nobody answers for them and they are not the host itself. */
function resolverLines(nameserver: string | undefined, hostResolver: string): readonly string[] {
  const kept =
    nameserver === undefined ? /^(?:search|domain|options|nameserver)\s/ : /^(?:search|domain|options)\s/;
  const loopback = /^nameserver\s+(?:127\.|::1)/;
  return [
    ...(nameserver === undefined ? [] : [`nameserver ${nameserver}`]),
    ...hostResolver.split("\n").filter((line) => kept.test(line) && !loopback.test(line)),
  ];
}

function lines(texts: readonly string[]): Buffer {
  return Buffer.from(texts.map((text) => `${text}\n`).join(""));
}

function file(path: string, data: Buffer): RootFile {
  return { path, permissions: 0o644, data };
}
