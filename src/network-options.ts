// SPDX-License-Identifier: MIT
/** How a guest is connected, and which ports lead to it, as command line, configuration and manifest write that. */
import { isIP } from "node:net";

export interface PortMapping {
  readonly protocol: "tcp" | "udp";
  /** Of the host; without it all of them. */
  readonly address?: string;
  readonly hostPort: number;
  readonly guestPort: number;
}

export const portUsage = "[ADDRESS:]HOST:GUEST[/udp]";

/** Undefined for a text of another form; an IPv6 address is in brackets. */
export function parsePort(text: string): PortMapping | undefined {
  const parts = /^(?:(\[[^\]]+\]|[^:[\]]+):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp))?$/.exec(text);
  if (parts === null) return undefined;
  const [, bracketed, host, guest, protocol = "tcp"] = parts;
  const [hostPort, guestPort] = [Number(host), Number(guest)];
  if (![hostPort, guestPort].every((port) => port >= 1 && port <= 65_535)) return undefined;
  const mapping = { protocol: protocol as PortMapping["protocol"], hostPort, guestPort };
  if (bracketed === undefined) return mapping;
  const address = bracketed.replace(/^\[(.*)\]$/, "$1");
  return isIP(address) === (address === bracketed ? 4 : 6) ? { ...mapping, address } : undefined;
}

/** Each mapping once; one for all addresses stands for those that name some. */
export function distinctPorts(ports: readonly PortMapping[]): readonly PortMapping[] {
  const isSame = (one: PortMapping, other: PortMapping) =>
    one.protocol === other.protocol && one.hostPort === other.hostPort && one.guestPort === other.guestPort;
  return ports.filter(
    (port, index) =>
      !ports.some(
        (other, at) =>
          isSame(port, other) && (port.address === other.address ? at < index : other.address === undefined),
      ),
  );
}

export const netPattern: RegExp = /^(?:auto|passt|user|none|tap:[^\s:/]{1,15})$/;
export const netUsage = "auto, passt, user, tap:NAME or none";

/** As a person writes an address with a port. */
export function formatHostPort({ address, hostPort }: PortMapping): string {
  if (address === undefined) return String(hostPort);
  return address.includes(":") ? `[${address}]:${hostPort}` : `${address}:${hostPort}`;
}
