// SPDX-License-Identifier: MIT
/** Ports of this host: whether one can be listened on, and who has it where not. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { UklError } from "../errors.js";
import { formatHostPort, type PortMapping } from "../network-options.js";
import { isSystemError } from "./files.js";

/** Listens for a moment on each. Throws UKL-606 and UKL-607. */
export async function checkPorts(ports: readonly PortMapping[]): Promise<void> {
  for (const port of ports) {
    try {
      await (port.protocol === "tcp" ? listenTcp(port) : listenUdp(port));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw error.code === "EADDRINUSE" ? await portTaken(port) : portRefused(port, error);
    }
  }
}

async function listenTcp({ address, hostPort }: PortMapping): Promise<void> {
  const server = createServer().listen({
    port: hostPort,
    ...(address === undefined ? {} : { host: address }),
  });
  await once(server, "listening");
  server.close();
  await once(server, "close");
}

/** A TCP port of the loopback interface that nobody listened on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function listenUdp({ address, hostPort }: PortMapping): Promise<void> {
  const socket = createSocket(address === undefined || address.includes(":") ? "udp6" : "udp4");
  socket.bind(hostPort, address);
  try {
    await once(socket, "listening");
  } finally {
    socket.close();
  }
}

async function portTaken(port: PortMapping): Promise<UklError> {
  const owner = await ownerOf(port);
  return new UklError("UKL-606", {
    what: `port ${formatHostPort(port)} of this host is taken`,
    cause:
      owner === undefined
        ? "a process of another user has it"
        : `${owner.name} (process ${owner.pid}) has it`,
    fix: `take another one, as in -p ${port.hostPort < 55_536 ? port.hostPort + 10_000 : port.hostPort - 10_000}:${port.guestPort}, or end that process`,
  });
}

function portRefused(port: PortMapping, { code, message }: NodeJS.ErrnoException): UklError {
  const low = code === "EACCES" && port.hostPort < 1024;
  return new UklError("UKL-607", {
    what: `port ${formatHostPort(port)} of this host cannot be listened on`,
    cause: message,
    fix: low
      ? `take a port from 1024 on, or let everyone have low ones: sysctl net.ipv4.ip_unprivileged_port_start=${port.hostPort}`
      : "name an address of this host, or none for all of them",
  });
}

interface Owner {
  readonly name: string;
  readonly pid: number;
}

/** The process with a socket at the port. Undefined where this user may not see whose it is. */
async function ownerOf({ protocol, hostPort }: PortMapping): Promise<Owner | undefined> {
  const inodes = new Set<string>();
  for (const table of [protocol, `${protocol}6`]) {
    const text = await readFile(`/proc/net/${table}`, "latin1").catch(() => "");
    for (const inode of inodesAt(text, hostPort)) inodes.add(inode);
  }
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const links = await Promise.all(files.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
    if (!links.some((link) => inodes.has(link.slice("socket:[".length, -1)))) continue;
    const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "a process");
    return { name: name.trim(), pid: Number(pid) };
  }
  return undefined;
}

/** TCP_LISTEN, and what a UDP socket without a peer is in. */
const listeningStates = new Set(["0A", "07"]);

/** The inodes of sockets that listen on a port, in a table such as /proc/net/tcp: proc(5). */
function inodesAt(table: string, port: number): readonly string[] {
  return table
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, local = "", , state = "", , , , , , inode = ""] = line.trim().split(/\s+/);
      const isThere = Number.parseInt(local.split(":")[1] ?? "", 16) === port && listeningStates.has(state);
      return isThere && inode !== "0" ? [inode] : [];
    });
}
