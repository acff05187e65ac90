// SPDX-License-Identifier: MIT
/**
 * What the passt of this host can do, tried without a guest: we are its guest, and a client of the ports that lead there.
 *
 * That nothing came is no question of time: passt answers in order, so what has not come before the answer to a later
 * question does not come.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import { UklError } from "../errors.js";
import { type Command, lastLines } from "../host/exec.js";
import { withScratchDirectory } from "../host/files.js";
import { freePort } from "../host/ports.js";
import { socketPair } from "../host/socket-pair.js";
import { makeBlocking, type RunningTool, start } from "../host/spawn.js";
import type { PortMapping } from "../network-options.js";
import {
  answerDatagram,
  answerSegment,
  arpRequest,
  FrameReader,
  introduction,
  isArpReply,
  readDatagram,
  readSegment,
  tcpFlag,
  withLength,
} from "./frames.js";
import { headerBytes } from "./network.js";

export const passtTrial = z.discriminatedUnion("works", [
  z.strictObject({
    works: z.literal(true),
    /** A server of the guest that speaks first is heard. */
    greets: z.boolean(),
    /** The largest tried datagram that passed both ways whole. */
    datagramBytes: z.int().min(0).max(0xffff),
  }),
  z.strictObject({ works: z.literal(false), reason: z.string() }),
]);

/** `reason` is a clause a message can end in. */
export type PasstTrial = z.infer<typeof passtTrial>;

/** As large as a frame of passt can be, jumbo frames, and what every Ethernet carries. */
const packetSizes: readonly number[] = [65_520, 9000, 1500];

export interface PasstUnderTrial {
  /** passt's command for the ports, with QEMU's end at `inheritedFd`. */
  command(ports: readonly PortMapping[]): Command;
  /** What stands between QEMU and passt. */
  readonly relay?: Command;
}

const patienceMs = 5000;
const greeting = Buffer.from("220 hello\r\n");
const guestPort = 7000;
const hostAddress = "127.0.0.1";

/** Throws what it throws where passt cannot even be started. */
export async function tryPasst(passt: PasstUnderTrial): Promise<PasstTrial> {
  return withScratchDirectory(async (directory) => {
    const [tcpPort, udpPort] = [await freePort(), await freePort()];
    const mapping = { address: hostAddress, guestPort };
    const command = passt.command([
      { ...mapping, protocol: "tcp", hostPort: tcpPort },
      { ...mapping, protocol: "udp", hostPort: udpPort },
    ]);
    const guest = await PretendedGuest.connect(command, passt.relay, directory);
    try {
      await guest.settle();
      const greets = (await isGreeted(guest, tcpPort, "after")) && (await isGreeted(guest, tcpPort, "with"));
      return { works: true, greets, datagramBytes: await largestDatagram(guest, udpPort) };
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      return { works: false, reason: await guest.complaint() };
    } finally {
      guest.close();
    }
  });
}

class NoAnswer extends Error {}

/**
 * Whether a client that says nothing gets the greeting of a server in the guest. With the answer to the client's SYN it
 * comes where a relay has completed the handshake before passt has read that answer: passt of Debian 12 then goes round
 * for good.
 */
async function isGreeted(guest: PretendedGuest, hostPort: number, comes: "after" | "with"): Promise<boolean> {
  const client = connect(hostPort, hostAddress);
  try {
    await within(once(client, "connect"));
    const heard = once(client, "data");
    heard.catch(() => undefined);
    const opening = await guest.next((frame) => hasFlags(frame, tcpFlag.syn));
    const request = readSegment(opening);
    if (request === undefined) throw new NoAnswer();
    const [sourcePort, destinationPort] = [request.destinationPort, request.sourcePort];
    const base = { sourcePort, destinationPort, acknowledged: request.sequence + 1 };
    const first = 1_000_000;
    const answer = answerSegment(opening, { ...base, sequence: first, flags: tcpFlag.syn | tcpFlag.ack });
    const flags = tcpFlag.ack | tcpFlag.push;
    const words = answerSegment(opening, { ...base, sequence: first + 1, flags }, greeting);
    if (comes === "after") {
      guest.send(answer);
      await guest.settle();
      if (!guest.frames.some((frame) => hasFlags(frame, tcpFlag.ack))) return false;
      guest.send(words);
    } else {
      guest.send(answer, words);
    }
    const [bytes] = await within(heard);
    return greeting.equals(bytes);
  } finally {
    client.destroy();
  }
}

function hasFlags(frame: Buffer, flags: number): boolean {
  const segment = readSegment(frame);
  return segment !== undefined && (segment.flags & (tcpFlag.syn | tcpFlag.ack)) === flags;
}

async function largestDatagram(guest: PretendedGuest, hostPort: number): Promise<number> {
  for (const size of packetSizes) {
    if (await passes(guest, hostPort, size - headerBytes)) return size - headerBytes;
  }
  return 0;
}

/** Whether a datagram of that size comes to the guest whole, and its answer back. */
async function passes(guest: PretendedGuest, hostPort: number, sizeBytes: number): Promise<boolean> {
  const client = createSocket("udp4");
  client.on("error", () => undefined);
  try {
    const answers: Buffer[] = [];
    client.on("message", (bytes) => answers.push(bytes));
    const sent = Buffer.alloc(sizeBytes, `${sizeBytes} `);
    await new Promise<void>((resolve) => client.send(sent, hostPort, hostAddress, () => resolve()));
    await guest.settle();
    for (const frame of guest.frames) {
      const datagram = readDatagram(frame);
      if (datagram === undefined || !datagram.data.equals(sent)) continue;
      const [sourcePort, destinationPort] = [datagram.destinationPort, datagram.sourcePort];
      guest.send(answerDatagram(frame, { sourcePort, destinationPort, data: datagram.data }));
      await guest.settle();
      // It is with the client's socket, from which Node reads in a turn of its own.
      for (let turns = 0; answers.length === 0 && turns < 100; turns++) await turn();
      return answers.some((bytes) => bytes.equals(sent));
    }
    return false;
  } finally {
    client.close();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The other side of passt, in place of QEMU. */
class PretendedGuest {
  /** All that have come since the last send. */
  readonly frames: Buffer[] = [];
  readonly #reader = new FrameReader();
  #wake: () => void = () => undefined;
  #isOver = false;

  private constructor(
    readonly socket: Socket,
    readonly tools: readonly RunningTool[],
  ) {
    socket.on("data", (chunk: Buffer) => {
      this.frames.push(...this.#reader.read(chunk));
      this.#wake();
    });
    const end = () => {
      this.#isOver = true;
      this.#wake();
    };
    socket.on("close", end);
    for (const { ended } of tools) ended.then(end, end);
    socket.resume();
  }

  static async connect(
    command: Command,
    relay: Command | undefined,
    directory: string,
  ): Promise<PretendedGuest> {
    const [ours, theirs] = await socketPair(join(directory, "link"));
    ours.write(introduction());
    const between = relay === undefined ? undefined : await socketPair(join(directory, "relay"));
    const passtEnd = between === undefined ? theirs : between[1];
    await makeBlocking(passtEnd, relay?.tool);
    const passt = start(command, { inherited: [passtEnd] });
    const beside =
      relay === undefined || between === undefined ? [] : [start(relay, { inherited: [theirs, between[0]] })];
    const tools = [passt, ...beside];
    for (const tool of tools) tool.stdout.resume();
    return new PretendedGuest(ours, tools);
  }

  /** In one piece. */
  send(...frames: readonly Buffer[]): void {
    this.frames.length = 0;
    this.socket.write(Buffer.concat(frames.map(withLength)));
  }

  /** Until passt has answered two questions: what it knew before the first of them, it has sent. */
  async settle(): Promise<void> {
    for (let questions = 0; questions < 2; questions++) {
      const before = this.frames.filter(isArpReply).length;
      this.socket.write(withLength(arpRequest()));
      await this.#until(() => this.frames.filter(isArpReply).length > before);
    }
  }

  async next(isWanted: (frame: Buffer) => boolean): Promise<Buffer> {
    await this.#until(() => this.frames.some(isWanted));
    return this.frames.find(isWanted) ?? Buffer.alloc(0);
  }

  async #until(isThere: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + patienceMs;
    while (!isThere()) {
      if (this.#isOver || performance.now() > deadlineMs) throw new NoAnswer();
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await within(woken).catch(() => undefined);
    }
  }

  async complaint(): Promise<string> {
    this.close();
    const [passt] = this.tools;
    const end = await passt?.ended.catch((error: unknown) => {
      if (error instanceof UklError) return { stderr: error.detail.what };
      throw error;
    });
    return explainPasst(end ?? { stderr: "" });
  }

  close(): void {
    this.socket.destroy();
    for (const tool of this.tools) tool.kill();
  }
}

async function within<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer()), patienceMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What passt says on its way whatever happens. */
const usualWords = /^(?:Failed to send \d+ bytes to syslog|Don't run as root.*)\n?/gm;

/** Why it ended, as a clause. */
export function explainPasst(end: {
  readonly stderr: string;
  readonly exitStatus?: number;
  readonly signal?: string;
}): string {
  const words = lastLines(end.stderr.replaceAll(usualWords, ""));
  if (words !== "") return words;
  const how = end.signal ?? (end.exitStatus === undefined ? undefined : `exit status ${end.exitStatus}`);
  return how === undefined || how === "SIGKILL" ? "passt does not answer" : `it ended with ${how}`;
}
