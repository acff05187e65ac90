// SPDX-License-Identifier: MIT
/**
 * The connection between QEMU and passt: one end for each, none for us, so that passt ends with QEMU, whatever becomes
 * of us.
 *
 * passt starts when the guest's card is up, and until then clients are refused. It would take them from its start on,
 * but of what it says to a card that is not up QEMU loses some, and passt says it once: clients would wait for ten
 * seconds. For the same reason we speak for the guest first: the frames that wait for passt when it starts tell it the
 * guest's hardware and link-local addresses, without which it says the first words to somebody else.
 */
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import ipaddr from "ipaddr.js";
import { UklError } from "../errors.js";
import { startDetached } from "../host/detached.js";
import { type Command, lastLines } from "../host/exec.js";
import { makeBlocking, type RunningTool, start, type ToolEnd } from "../host/spawn.js";
import { hardwareAddress, privateNetwork } from "./network.js";

export interface Link {
  /** QEMU's end. */
  readonly socket: Socket;
  /** Starts passt; settles when it ends, which it should not do before QEMU. Rejects with UKL-401 and UKL-608. */
  connect(): Promise<void>;
  /** Starts passt so that it ends with QEMU alone; settles when it is ready. Rejects with UKL-401 and UKL-608. */
  detach(directory: string): Promise<void>;
  /** Settles when both ends are closed and passt is gone. */
  close(): Promise<void>;
}

const closeTimeoutMs = 1000;
const outputFile = "network";

/** `directory` is for our own use. */
export async function openLink(command: Command, directory: string): Promise<Link> {
  const [ours, theirs] = await socketPair(join(directory, "link"));
  // passt reads and writes the rest of a frame at once, or loses its place among the frames. QEMU need not wait.
  const isReady = makeBlocking(theirs);
  isReady.catch(() => undefined);
  ours.write(Buffer.concat([frame(routerSolicitation()), frame(arpRequest())]));
  let passt: RunningTool | undefined;
  const closing = new AbortController();
  return {
    socket: ours,
    async connect() {
      await isReady;
      if (closing.signal.aborted) return;
      passt = start(command, { inherited: [theirs] });
      const end = await passt.ended;
      if (end.exitStatus !== 0) throw notRunning(end);
      // It ends well when QEMU does, which we may learn a little later.
      await sleep(closeTimeoutMs, undefined, { signal: closing.signal }).catch(() => undefined);
      if (!closing.signal.aborted) throw notRunning({ ...end, stderr: "it ended before the guest did" });
    },
    async detach(place) {
      await isReady;
      // Without this word passt leaves its first process, which ends, once it is ready.
      const args = command.args.filter((word) => word !== "--foreground");
      const outputs = { directory: place, stdout: outputFile, stderr: outputFile, inherited: [theirs] };
      const tool = await startDetached({ ...command, args }, outputs);
      tool.go();
      const status = await tool.ended;
      tool.release();
      if (status.exitStatus === 0) return;
      throw notRunning({ ...status, stderr: await readFile(join(place, outputFile), "utf8") });
    },
    async close() {
      closing.abort();
      await isReady.catch(() => undefined);
      ours.destroy();
      theirs.destroy();
      if (passt === undefined) return;
      const timer = setTimeout(passt.kill, closeTimeoutMs);
      await passt.ended.catch(() => undefined);
      clearTimeout(timer);
    },
  };
}

/** Two connected sockets, from which nothing is read here. */
async function socketPair(path: string): Promise<readonly [Socket, Socket]> {
  const server = createServer({ pauseOnConnect: true }).listen(path);
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const first = connect({ path, onread: { buffer: Buffer.alloc(1), callback: () => false } });
  const [second] = await accepted;
  // An end that breaks is no event of its own: that a program has ended tells.
  for (const socket of [first, second]) socket.on("error", () => undefined);
  server.close();
  await rm(path, { force: true });
  return [first, second];
}

/** On the wire each frame has its length in front. */
function frame(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The guest asks who has the gateway's address: RFC 826. */
function arpRequest(): Buffer {
  const { address, gateway } = privateNetwork.ipv4;
  const nobody = Buffer.alloc(6);
  return Buffer.concat([
    ...[everybody, guestHardware, Buffer.from([0x08, 0x06])],
    // Ethernet, IPv4, the sizes of their addresses, and that this is a request.
    Buffer.from([0, 1, 8, 0, 6, 4, 0, 1]),
    ...[guestHardware, bytesOf(address), nobody, bytesOf(gateway)],
  ]);
}

/** The guest looks for routers: RFC 4861. Nobody answers, and nobody checks the sum, which is left out. */
function routerSolicitation(): Buffer {
  const message = Buffer.from([133, 0, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([
    ...[everybody, guestHardware, Buffer.from([0x86, 0xdd])],
    // IPv6, the length of what follows, ICMPv6, and all hops.
    Buffer.from([0x60, 0, 0, 0, 0, message.length, 58, 255]),
    ...[bytesOf(privateNetwork.linkLocal), bytesOf("ff02::2"), message],
  ]);
}

const everybody = Buffer.alloc(6, 0xff);
const guestHardware = Buffer.from(hardwareAddress(privateNetwork.ipv4.address).replaceAll(":", ""), "hex");

function bytesOf(address: string): Buffer {
  return Buffer.from(ipaddr.parse(address).toByteArray());
}

/** What passt says on its way whatever happens. */
const usualWords = /^(?:Failed to send \d+ bytes to syslog|Don't run as root.*)\n?/gm;

function notRunning({ stderr, exitStatus, signal }: ToolEnd): UklError {
  const words = lastLines(stderr.replaceAll(usualWords, ""));
  return new UklError("UKL-608", {
    what: "passt, which connects the guest with the network, failed",
    cause: words === "" ? `it ended with ${signal ?? `exit status ${exitStatus}`}` : words,
    fix: "if this host does not let users have namespaces of their own, use --net user, or --net none",
  });
}
