// SPDX-License-Identifier: MIT
/**
 * The connection between QEMU and passt: one end for each, none for us, so that passt ends with QEMU, whatever becomes
 * of us.
 *
 * Before QEMU gets its end we speak for the guest: we ask for the gateway's hardware address. The answer shows that
 * passt is ready and has bound its ports. And passt then knows the guest's hardware address: a client that connects
 * while the guest still boots would otherwise wait for ten seconds, because passt would send its first packet to
 * everybody, and the guest takes none of TCP that is not for it alone.
 */
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import ipaddr from "ipaddr.js";
import { UklError } from "../errors.js";
import { type Command, lastLines } from "../host/exec.js";
import { type RunningTool, start, type ToolEnd } from "../host/spawn.js";
import { hardwareAddress, privateNetwork } from "./network.js";

export interface Link {
  /** QEMU's end; nothing has been read from it but what was meant for us. */
  readonly socket: Socket;
  /** Settles when passt has ended, which it does once QEMU's end is closed. */
  close(): Promise<void>;
}

const readyTimeoutMs = 10_000;
const closeTimeoutMs = 1000;

/** Starts passt; `directory` is for our own use. Throws UKL-401 and UKL-608. */
export async function openLink(command: Command, directory: string): Promise<Link> {
  const frames = new FrameReader();
  const [ours, theirs] = await socketPair(join(directory, "link"), frames);
  const passt = start(command, [theirs]);
  const timer = setTimeout(() => passt.kill(), readyTimeoutMs);
  try {
    ours.write(frame(arpRequest()));
    const failed = passt.ended.then((end) => Promise.reject(notReady(end)));
    await Promise.race([failed, frames.until(isArp)]);
    return { socket: ours, close: () => close(passt, ours) };
  } catch (error) {
    passt.kill();
    ours.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function close(passt: RunningTool, socket: Socket): Promise<void> {
  socket.destroy();
  const timer = setTimeout(() => passt.kill(), closeTimeoutMs);
  await passt.ended;
  clearTimeout(timer);
}

/** Two connected sockets. From the second one nothing is read here. */
async function socketPair(path: string, reader: FrameReader): Promise<readonly [Socket, Socket]> {
  const server = createServer({ pauseOnConnect: true }).listen(path);
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const first = connect({ path, onread: reader });
  // An end that breaks is no event of its own: that passt has ended tells.
  first.on("error", () => undefined);
  const [second] = await accepted;
  server.close();
  await rm(path, { force: true });
  return [first, second];
}

/** On the wire each frame has its length in front. */
function frame(bytes: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

const lengthBytes = 4;
const longestFrameBytes = 65_536;
const etherTypeAt = 12;
const arpType = 0x0806;

/** Reads frames to the byte, because what follows is QEMU's; for `onread` of a socket. */
class FrameReader {
  #wanted = Buffer.alloc(lengthBytes);
  #filled = 0;
  #isLength = true;
  #isDone: (frame: Buffer) => boolean = () => false;
  #settle: () => void = () => undefined;

  readonly buffer = (): Buffer => this.#wanted.subarray(this.#filled);

  /** False stops the reading. */
  readonly callback = (bytes: number): boolean => {
    this.#filled += bytes;
    if (this.#filled < this.#wanted.length) return true;
    const complete = this.#wanted;
    const wasLength = this.#isLength;
    const nextBytes = wasLength ? Math.min(complete.readUInt32BE(), longestFrameBytes) : lengthBytes;
    this.#wanted = Buffer.alloc(nextBytes);
    this.#filled = 0;
    this.#isLength = !wasLength;
    if (wasLength || !this.#isDone(complete)) return true;
    this.#settle();
    return false;
  };

  until(isDone: (frame: Buffer) => boolean): Promise<void> {
    this.#isDone = isDone;
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }
}

function isArp(bytes: Buffer): boolean {
  return bytes.length >= etherTypeAt + 2 && bytes.readUInt16BE(etherTypeAt) === arpType;
}

/** The guest asks who has the gateway's address: RFC 826. */
function arpRequest(): Buffer {
  const { address, gateway } = privateNetwork.ipv4;
  const hardware = Buffer.from(hardwareAddress(address).replaceAll(":", ""), "hex");
  const bytesOf = (ipv4: string) => Buffer.from(ipaddr.parse(ipv4).toByteArray());
  const everybody = Buffer.alloc(6, 0xff);
  const nobody = Buffer.alloc(6);
  return Buffer.concat([
    ...[everybody, hardware, Buffer.from([arpType >> 8, arpType & 0xff])],
    // Ethernet, IPv4, the sizes of their addresses, and that this is a request.
    Buffer.from([0, 1, 8, 0, 6, 4, 0, 1]),
    ...[hardware, bytesOf(address), nobody, bytesOf(gateway)],
  ]);
}

/** What passt says on its way whatever happens. */
const usualWords = /^(?:Failed to send \d+ bytes to syslog|Don't run as root.*)\n?/gm;

function notReady({ stderr, exitStatus, signal }: ToolEnd): UklError {
  const words = lastLines(stderr.replaceAll(usualWords, ""));
  return new UklError("UKL-608", {
    what: "passt, which connects the guest with the network, did not start",
    cause: words === "" ? `it ended with ${signal ?? `exit status ${exitStatus}`}` : words,
    fix: "if this host does not let users have namespaces of their own, use --net user, or --net none",
  });
}
