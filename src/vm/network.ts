// SPDX-License-Identifier: MIT
/**
 * The network of a run, decided before anything starts: QEMU's arguments, the program that has to run beside it, and
 * the addresses that the guest is told.
 *
 * The guest asks nobody: it gets fixed addresses in a network of its own, the same with passt and with QEMU's user
 * network, whose gateway leads to the host's loopback interface.
 */
import { UklError } from "../errors.js";
import type { Command } from "../host/exec.js";
import { inheritedFd } from "../host/spawn.js";
import { formatHostPort, type PortMapping } from "../network-options.js";
import { type HostLink, hostLink, passtCommand } from "./passt.js";
import type { PasstAbility } from "./passt-ability.js";
import type { PasstTrial } from "./passt-trial.js";
import { readTap, type TapInterface } from "./tap.js";

type NetworkKind = "passt" | "user" | "none" | `tap:${string}`;

export interface NetworkWish {
  readonly net: string;
  readonly ports: readonly PortMapping[];
  /** The image's kernel has a driver for the card. */
  readonly hasCard: boolean;
  /** It knows IPv6. Without it, clients of the host that try IPv6 first are to be refused, and go on with IPv4. */
  readonly hasIpv6: boolean;
  /** The application can open sockets. */
  readonly usesSockets: boolean;
  readonly hasPasst: boolean;
}

/** What planning asks of the host, where it has to know. */
export interface NetworkHost {
  tryPasst(): Promise<PasstAbility>;
  /** The path of a library that lets passt, or QEMU, keep many clients waiting; undefined where there is none. */
  backlogLibrary(): Promise<string | undefined>;
}

export interface FamilyAddresses {
  readonly address: string;
  readonly prefixBits: number;
  readonly gateway: string;
}

export interface GuestAddresses {
  readonly ipv4?: FamilyAddresses;
  readonly ipv6?: FamilyAddresses;
  /** Of the card, where the host counts on it from the beginning. */
  readonly linkLocal?: string;
  /** Which the host answers for; without it the guest asks the host's own name servers. */
  readonly nameserver?: string;
}

export interface NetworkPlan {
  /** Nobody asked for it: where it cannot be had, the guest does without. */
  readonly isOptional?: true;
  /** Arguments of QEMU. With a helper, QEMU has one end of a connection at `inheritedFd`. */
  readonly devices: readonly string[];
  /** Has the other end at its `inheritedFd`, and ends when QEMU does. */
  readonly helper?: Command;
  /** Between the two, with an end of either. */
  readonly relay?: Command;
  /** Of QEMU. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Absent without a network. */
  readonly guest?: GuestAddresses;
  /** For the user to know. */
  readonly note?: string;
}

/** The guest's own network, with a name server that passt and QEMU answer for. */
export const privateNetwork = {
  ipv4: { address: "10.0.2.15", prefixBits: 24, gateway: "10.0.2.2" },
  ipv6: { address: "fd75:6b6c::f", prefixBits: 64, gateway: "fd75:6b6c::2" },
  // What follows from the card's hardware address by RFC 4291, appendix A: the kernel would choose the same.
  linkLocal: "fe80::5055:aff:fe00:20f",
  nameserver: "10.0.2.3",
} as const satisfies GuestAddresses;

/** The guest's, and one that nobody has: of clients over IPv6 whose server listens on IPv4 alone. */
export const relayAddresses = { guest: privateNetwork.ipv4.address, translated: "10.0.2.6" } as const;

const noNetwork: NetworkPlan = { devices: [] };

/** Of Ethernet, and of a card that says nothing else. */
const standardMtuBytes = 1500;

/** What IPv4 and UDP take of a packet. */
export const headerBytes = 28;

/** Throws UKL-101 and UKL-605 where the wishes contradict each other or the image, UKL-401 and UKL-608. */
export async function planNetwork(wish: NetworkWish, host: NetworkHost): Promise<NetworkPlan> {
  const kind = chooseNetwork(wish);
  switch (kind) {
    case "none":
      return noNetwork;
    case "user":
      return userPlan(wish.ports, await backlogFor(wish, host));
    case "passt": {
      const isOptional = wish.net === "auto" && wish.ports.length === 0;
      return { ...(await passtOrUserPlan(wish, host)), ...(isOptional ? { isOptional } : {}) };
    }
    default:
      return tapPlan(await readTap(kind.slice("tap:".length)));
  }
}

export function chooseNetwork(wish: NetworkWish): NetworkKind {
  const { net, ports, hasCard, usesSockets, hasPasst } = wish;
  checkPortsPossible(wish);
  if (net === "none") return "none";
  if (!hasCard) {
    if (net === "auto" && ports.length === 0) return "none";
    throw noCard();
  }
  if (net !== "auto") return net as NetworkKind;
  if (portsInTwoPlaces(ports).length > 0) return "user";
  return ports.length > 0 || (usesSockets && hasPasst) ? "passt" : "none";
}

/** passt if it was seen to do what is asked; else, unless it was named, QEMU's user network if that can. */
async function passtOrUserPlan(wish: NetworkWish, host: NetworkHost): Promise<NetworkPlan> {
  const { ports, net, hasPasst } = wish;
  const ability: PasstAbility =
    hasPasst || net === "passt"
      ? await host.tryPasst()
      : { alone: { works: false, reason: "it is not installed" } };
  const { relay } = ability;
  const trial = relay === undefined ? ability.alone : (ability.relayed ?? ability.alone);
  const lacks = trial.works
    ? passtLacks(trial, ports, relay)
    : `passt does not work on this host: ${trial.reason}`;
  if (lacks !== undefined && net === "auto" && ports.every(isForIpv4)) {
    const plan = userPlan(ports, await backlogFor(wish, host));
    return { ...plan, note: `${lacks}; ${plan.note}` };
  }
  if (!trial.works) throw passtBroken(trial.reason);
  const note = [lacks, longDatagramsNote(trial, ports)].filter((text) => text !== undefined).join("; ");
  const mtuBytes = trial.datagramBytes + headerBytes;
  const link = hostLink();
  const plan = passtPlan(
    ports,
    { ...link, hasIpv6: link.hasIpv6 && wish.hasIpv6 },
    {
      mtuBytes,
      relay,
      backlogLibrary: await backlogFor(wish, host),
    },
  );
  return { ...plan, ...(note === "" ? {} : { note }) };
}

/** What a server in the guest needs of passt, and passt does not do. */
function passtLacks(
  trial: PasstTrial & { works: true },
  ports: readonly PortMapping[],
  relay: Command | undefined,
): string | undefined {
  if (!ports.some(isTcp)) return undefined;
  if (!trial.greets) {
    return "passt of this host hands a connection over with the client's first data, so a server that speaks first is not heard";
  }
  if (relay !== undefined) return undefined;
  return "without the relay, which was not to be had, passt loses some of what clients send fast";
}

function longDatagramsNote(
  trial: PasstTrial & { works: true },
  ports: readonly PortMapping[],
): string | undefined {
  if (!ports.some((port) => !isTcp(port))) return undefined;
  return `datagrams of more than ${trial.datagramBytes} bytes (${trial.datagramBytes - 20} over IPv6) are lost on the way to passt; --net user carries all, over IPv4 alone`;
}

function isTcp({ protocol }: PortMapping): boolean {
  return protocol === "tcp";
}

function isForIpv4({ address = "" }: PortMapping): boolean {
  return !address.includes(":");
}

function backlogFor({ ports }: NetworkWish, host: NetworkHost): Promise<string | undefined> {
  return ports.some(isTcp) ? host.backlogLibrary() : Promise.resolve(undefined);
}

export interface PasstUse {
  /** The guest's packets: what was seen to pass. */
  readonly mtuBytes: number;
  /** Stands between QEMU and passt. */
  readonly relay: Command | undefined;
  readonly backlogLibrary: string | undefined;
}

const plainPasst: PasstUse = { mtuBytes: standardMtuBytes, relay: undefined, backlogLibrary: undefined };

export function passtPlan(
  ports: readonly PortMapping[],
  host: HostLink,
  { mtuBytes, relay, backlogLibrary }: PasstUse = plainPasst,
): NetworkPlan & { readonly helper: Command } {
  const { ipv4, ipv6, nameserver } = privateNetwork;
  const guest = host.hasIpv6 ? privateNetwork : { ipv4, nameserver };
  const command = passtCommand({ ports, host, ipv4, ipv6, nameserver });
  return {
    devices: [
      ...["-netdev", `stream,id=net,server=off,addr.type=fd,addr.str=${inheritedFd}`],
      ...card(ipv4.address, mtuBytes),
    ],
    helper: backlogLibrary === undefined ? command : { ...command, env: preloading(backlogLibrary) },
    ...(relay === undefined ? {} : { relay }),
    guest,
  };
}

/** QEMU's own user network. Throws UKL-101 for what it cannot forward. */
export function userPlan(ports: readonly PortMapping[], backlogLibrary?: string): NetworkPlan {
  const { ipv4, ipv6, nameserver } = privateNetwork;
  const network = [
    `net=10.0.2.0/24,host=${ipv4.gateway},dns=${nameserver}`,
    `ipv6-net=fd75:6b6c::/64,ipv6-host=${ipv6.gateway}`,
    ...ports.map(forward),
  ];
  return {
    devices: ["-netdev", `user,id=net,${network.join(",")}`, ...card(ipv4.address)],
    ...(backlogLibrary === undefined ? {} : { environment: preloading(backlogLibrary) }),
    guest: privateNetwork,
    note: [
      "QEMU's user network stalls for seconds under load",
      ...(ports.length === 0 ? [] : ["leads to the guest over IPv4 alone"]),
      ...(ports.some(isTcp) && backlogLibrary === undefined
        ? ["resets some of many connections that come at once"]
        : []),
    ]
      .join(", ")
      .concat("; passt does not"),
  };
}

export function tapPlan({ name, ipv4, ipv6, mtuBytes }: TapInterface): NetworkPlan {
  const addresses = [ipv4, ipv6].flatMap((family) => (family === undefined ? [] : [family.address]));
  return {
    devices: [
      ...["-netdev", `tap,id=net,ifname=${name},script=no,downscript=no`],
      ...card(ipv4?.address ?? "0.0.0.0", mtuBytes),
    ],
    guest: { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) },
    note: `the guest is at ${addresses.join(" and ")}`,
  };
}

/** Beside what the user has QEMU load. */
function preloading(library: string): Readonly<Record<string, string>> {
  const others = process.env["LD_PRELOAD"];
  return { LD_PRELOAD: others === undefined || others === "" ? library : `${library}:${others}` };
}

/** A locally administered hardware address, one for each address of a network. */
export function hardwareAddress(ipv4: string): string {
  const bytes = ipv4.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return ["52", "55", ...bytes].join(":");
}

/**
 * Without indirect descriptors, for which Linux takes memory for each packet that it sends in pieces. The guest takes
 * the size of its packets from the card: larger ones are fewer, and hold datagrams that nobody would put together.
 */
function card(ipv4: string, mtuBytes = standardMtuBytes): readonly string[] {
  const mtu = mtuBytes === standardMtuBytes ? "" : `,host_mtu=${mtuBytes}`;
  const device = `virtio-net-device,netdev=net,mac=${hardwareAddress(ipv4)},indirect_desc=off${mtu}`;
  return ["-device", device];
}

function forward({ protocol, address = "", hostPort, guestPort }: PortMapping): string {
  if (!address.includes(":")) return `hostfwd=${protocol}:${address}:${hostPort}-:${guestPort}`;
  throw new UklError("UKL-101", {
    what: `port ${guestPort} of the guest cannot be reached at ${address}`,
    cause: "QEMU's user network forwards IPv4 alone",
    fix: "use --net passt, or an IPv4 address",
  });
}

function checkPortsPossible({ net, ports }: NetworkWish): void {
  if (ports.length > 0 && (net === "none" || net.startsWith("tap:"))) {
    throw new UklError("UKL-101", {
      what: `ports of the host cannot lead to the guest with --net ${net}`,
      cause: net === "none" ? "the guest has no network then" : "the guest has an address of its own there",
      fix:
        net === "none" ? "leave out --net, or -p" : "leave out -p, and connect to the address of the guest",
    });
  }
  for (const [port, other] of portsInTwoPlaces(ports)) {
    const isAmbiguous = port.guestPort !== other.guestPort && overlap(port, other);
    if (!isAmbiguous && (net === "user" || (net === "auto" && ports.every(isForIpv4)))) continue;
    throw new UklError("UKL-101", {
      what:
        port.guestPort === other.guestPort
          ? `port ${port.hostPort} of the host is named with two addresses`
          : `port ${port.hostPort} of the host leads to two ports of the guest`,
      cause: isAmbiguous
        ? `they are ${port.guestPort} and ${other.guestPort}, at the same address`
        : `they are ${formatHostPort(port)} and ${formatHostPort(other)}; passt tells them apart by port alone, not by address`,
      fix: "take different ports of the host, or no address for all of them",
    });
  }
}

/** Pairs of mappings with one port of the host. */
function portsInTwoPlaces(ports: readonly PortMapping[]): readonly (readonly [PortMapping, PortMapping])[] {
  return ports.flatMap((port, index) =>
    ports
      .slice(index + 1)
      .filter(({ protocol, hostPort }) => protocol === port.protocol && hostPort === port.hostPort)
      .map((other) => [port, other] as const),
  );
}

function overlap(one: PortMapping, other: PortMapping): boolean {
  return one.address === other.address || [one, other].some(({ address }) => everyAddress.has(address));
}

const everyAddress: ReadonlySet<string | undefined> = new Set([undefined, "0.0.0.0", "::"]);

function passtBroken(reason: string): UklError {
  return new UklError("UKL-608", {
    what: "passt, which connects the guest with the network, does not work on this host",
    cause: reason,
    fix: "if this host does not let users have namespaces of their own, use --net user, or --net none",
  });
}

function noCard(): UklError {
  return new UklError("UKL-605", {
    what: "the image has no network card",
    cause: "its kernel was built for an application that uses no network, and has no driver for one",
    fix: "build it with -p, which asks for one, or with --kernel generic",
  });
}
