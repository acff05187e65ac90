// SPDX-License-Identifier: MIT
/** A tap interface that somebody has set up: the guest is the other machine in its networks, and it the gateway. */
import ipaddr from "ipaddr.js";
import { z } from "zod";
import { UklError } from "../errors.js";
import { attempt } from "../host/exec.js";
import type { FamilyAddresses } from "./network.js";

export interface TapInterface {
  readonly name: string;
  readonly ipv4?: FamilyAddresses;
  readonly ipv6?: FamilyAddresses;
  /** What its packets may have; the guest's have to be the same. */
  readonly mtuBytes?: number;
}

/** What `ip -json -details address show` tells. */
const linkSchema = z
  .array(
    z.object({
      mtu: z.int().min(0).optional(),
      linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
      addr_info: z
        .array(
          z.object({
            family: z.string(),
            local: z.string().refine((text) => ipaddr.isValid(text)),
            prefixlen: z.int().min(0).max(128),
            scope: z.string(),
          }),
        )
        .default([]),
    }),
  )
  .length(1);

/** Throws UKL-401 and UKL-608. */
export async function readTap(name: string): Promise<TapInterface> {
  const command = { tool: "ip", args: ["-json", "-details", "address", "show", "dev", name] };
  const { exitStatus, stdout, stderr } = await attempt(command);
  if (exitStatus !== 0) throw unusable(name, stderr.trim(), `ip tuntap add ${name} mode tap user $USER`);
  return tapInterface(name, stdout);
}

export function tapInterface(name: string, text: string): TapInterface {
  const [link] = linkSchema.parse(JSON.parse(text));
  if (link?.linkinfo?.info_kind !== "tun") {
    throw unusable(name, "it is no tap interface", "name one that 'ip tuntap add NAME mode tap' has made");
  }
  const guestIn = (family: string): FamilyAddresses | undefined => {
    const own = link.addr_info.find((each) => each.family === family && each.scope !== "link");
    return own && peerOf(own.local, own.prefixlen);
  };
  const [ipv4, ipv6] = [guestIn("inet"), guestIn("inet6")];
  if (ipv4 === undefined && ipv6 === undefined) {
    throw unusable(
      name,
      "it has no address, from which those of the guest follow",
      `give it one: ip address add 10.0.3.1/24 dev ${name} && ip link set ${name} up`,
    );
  }
  const { mtu } = link;
  return {
    name,
    ...(ipv4 && { ipv4 }),
    ...(ipv6 && { ipv6 }),
    ...(mtu === undefined ? {} : { mtuBytes: mtu }),
  };
}

/** The address behind the host's, or the one in front of it where that would be the network's last. */
export function peerOf(gateway: string, prefixBits: number): FamilyAddresses {
  const bytes = ipaddr.parse(gateway).toByteArray();
  const bits = BigInt(bytes.length * 8);
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const last = value | ((1n << (bits - BigInt(prefixBits))) - 1n);
  const peer = value + 1n < last ? value + 1n : value - 1n;
  const peerBytes = bytes.map((_, index) => Number((peer >> (bits - 8n * BigInt(index + 1))) & 0xffn));
  return { address: ipaddr.fromByteArray(peerBytes).toString(), prefixBits, gateway };
}

function unusable(name: string, cause: string, fix: string): UklError {
  return new UklError("UKL-608", { what: `the interface ${name} cannot be used`, cause, fix });
}
