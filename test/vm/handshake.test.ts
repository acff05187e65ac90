// SPDX-License-Identifier: MIT
/** The relay between QEMU and passt, with us in place of both. */
import { mkdtemp, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ipaddr from "ipaddr.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compileHelper } from "../../src/host/helpers.js";
import { socketPair } from "../../src/host/socket-pair.js";
import { type RunningTool, start } from "../../src/host/spawn.js";
import { answerSegment, FrameReader, readSegment, tcpFlag, withLength } from "../../src/vm/frames.js";
import { relayAddresses } from "../../src/vm/network.js";
import { relayCommand } from "../../src/vm/passt.js";

const flag = { ...tcpFlag, fin: 0x01, rst: 0x04 };
const isn = { passt: 0xffff_ffff, guest: 1000 };

/** How many segments the relay has room for. */
const remembered = 4096;

let scratch: string;
let relay: RunningTool;
let qemu: Peer;
let passt: Peer;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-relay-"));
  const [ofQemu, qemuEnd] = await socketPair(join(scratch, "qemu"));
  const [ofPasst, passtEnd] = await socketPair(join(scratch, "passt"));
  const command = relayCommand(await compileHelper("handshake"), {
    completes: false,
    addresses: relayAddresses,
  });
  relay = start(command, { inherited: [qemuEnd, passtEnd] });
  [qemu, passt] = [new Peer(ofQemu), new Peer(ofPasst)];
});

afterEach(async () => {
  qemu.socket.destroy();
  passt.socket.destroy();
  await relay.ended;
  await rm(scratch, { recursive: true, force: true });
});

class Peer {
  readonly #frames: Buffer[] = [];
  #wake: () => void = () => undefined;

  constructor(readonly socket: Socket) {
    const reader = new FrameReader();
    socket.on("data", (chunk: Buffer) => {
      this.#frames.push(...reader.read(chunk));
      this.#wake();
    });
    socket.resume();
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames.map(withLength)));
  }

  /** The next ones, as the client's port and what they are. */
  async hear(count: number): Promise<readonly string[]> {
    return (await this.frames(count)).map((frame) => {
      const { sourcePort, flags } = readSegment(frame) ?? { sourcePort: 0, flags: 0 };
      const names = Object.entries(flag).filter(([, bit]) => flags & bit);
      return [sourcePort, ...names.map(([name]) => name)].join(" ");
    });
  }

  async frames(count: number): Promise<readonly Buffer[]> {
    while (this.#frames.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.splice(0, count);
  }
}

/** What a frame is an answer to: IPv4, and the other's addresses. */
const toward = (from: number, to: number): Buffer => {
  const frame = Buffer.alloc(34);
  frame.writeUInt16BE(0x0800, 12);
  frame.set([10, 0, 2, to, 10, 0, 2, from], 26);
  return frame;
};

const ofPasst = (client: number, flags: number, sequence = isn.passt, listener = 80) => {
  const ports = { sourcePort: client, destinationPort: listener };
  return answerSegment(toward(2, 15), { ...ports, sequence, acknowledged: 0, flags });
};

const ofGuest = (client: number, flags: number, acknowledged = isn.passt + 1) => {
  const ports = { sourcePort: 80, destinationPort: client };
  return answerSegment(toward(15, 2), { ...ports, sequence: isn.guest, acknowledged, flags });
};

test("a SYN of passt comes again until it is answered or reset", async () => {
  // To another listener: its tries after 1 s and 3 s tell what has come before them.
  passt.send(ofPasst(5003, flag.syn, isn.passt, 81));
  expect(await qemu.hear(2)).toEqual(["5003 syn", "5003 syn"]);
  passt.send(...[5001, 5002, 5004, 5005].map((port) => ofPasst(port, flag.syn)), ofPasst(5004, flag.rst));
  await qemu.hear(5);
  qemu.send(ofGuest(5005, flag.rst | flag.ack));
  expect([...(await qemu.hear(2))].sort()).toEqual(["5001 syn", "5002 syn"]);
  // A listener that answers has room.
  qemu.send(ofGuest(5001, flag.syn | flag.ack));
  expect(await qemu.hear(1)).toEqual(["5002 syn"]);
});

test("so does the end of a connection, until it is acknowledged", async () => {
  const end = 7_000_000;
  passt.send(ofPasst(5001, flag.fin | flag.ack, end));
  expect(await qemu.hear(1)).toEqual(["5001 ack fin"]);
  expect(await qemu.hear(1)).toEqual(["5001 ack fin"]);
  passt.send(ofPasst(5002, flag.syn));
  expect(await qemu.hear(1)).toEqual(["5002 syn"]);
  // When what came before it has come, it is sent at once, not after the other's second one.
  qemu.send(ofGuest(5001, flag.ack, end));
  expect(await qemu.hear(1)).toEqual(["5001 ack fin"]);
  qemu.send(ofGuest(5001, flag.ack, end + 1));
  expect(await qemu.hear(2)).toEqual(["5002 syn", "5002 syn"]);
  // As passt of Debian 13 does when it has sent data again: the guest would not take it without the FIN.
  passt.send(ofPasst(5001, flag.ack, end), ofPasst(5001, flag.ack, end + 1));
  expect(await qemu.frames(2)).toEqual([
    ofPasst(5001, flag.ack | flag.fin, end),
    ofPasst(5001, flag.ack, end + 1),
  ]);
});

test("of more SYNs than it remembers all are passed on, and the last come again", async () => {
  const ports = Array.from({ length: 20_000 }, (_, index) => 10_000 + index);
  for (const port of ports) passt.send(ofPasst(port, flag.syn));
  expect(await qemu.hear(ports.length)).toEqual(ports.map((port) => `${port} syn`));
  const again = await qemu.hear(remembered);
  expect(new Set(again).size).toBe(remembered);
  expect(again).toContain("29999 syn");
  expect(again).not.toContain("10000 syn");
});

describe("a listener over IPv4 alone has clients over IPv6", () => {
  const client = "fd75:6b6c::2";
  const guest = "fd75:6b6c::f";
  const ports = { client: 5001, server: 80 };
  const ask = () => segmentOver6({ from: client, to: guest, ports: [5001, 80], flags: flag.syn });

  async function refused(): Promise<Buffer> {
    passt.send(ask());
    expect(await qemu.frames(1)).toEqual([ask()]);
    const flags = flag.rst | flag.ack;
    qemu.send(segmentOver6({ from: guest, to: client, ports: [80, 5001], flags, acknowledged: 1 }));
    const [frame = Buffer.alloc(0)] = await qemu.frames(1);
    return frame;
  }

  test("that get the answers that it gives", async () => {
    const syn = await refused();
    const { translated } = relayAddresses;
    expect([...syn.subarray(26, 34)].join(".")).toBe(`${translated}.${relayAddresses.guest}`);
    expect(sumsOf(syn)).toEqual({ header: 0xffff, segment: 0xffff });
    expect(readSegment(syn)).toMatchObject({ sourcePort: ports.client, flags: flag.syn, sequence: 0 });
    const answer = {
      sourcePort: 80,
      destinationPort: 5001,
      sequence: 9,
      acknowledged: 1,
      flags: flag.syn | flag.ack,
    };
    qemu.send(answerSegment(syn, answer));
    const expected = { from: guest, to: client, ports: [80, 5001] as const, sequence: 9, acknowledged: 1 };
    const [heard = Buffer.alloc(0)] = await passt.frames(1);
    expect(bare(heard)).toEqual(bare(segmentOver6({ ...expected, flags: answer.flags })));
    expect(sumsOf(heard)).toEqual({ header: 0xffff, segment: 0xffff });
    const data = Buffer.from("odd");
    passt.send(segmentOver6({ from: client, to: guest, ports: [5001, 80], flags: flag.ack, data }));
    const [inGuest = Buffer.alloc(0)] = await qemu.frames(1);
    expect(inGuest.subarray(54).toString()).toBe("odd");
    expect(sumsOf(inGuest)).toEqual({ header: 0xffff, segment: 0xffff });
  });

  test("who are reset where nobody listens over IPv4 either, and may ask again", async () => {
    for (let time = 0; time < 2; time++) {
      const syn = await refused();
      const flags = flag.rst | flag.ack;
      qemu.send(
        answerSegment(syn, { sourcePort: 80, destinationPort: 5001, sequence: 0, acknowledged: 1, flags }),
      );
      const [heard = Buffer.alloc(0)] = await passt.frames(1);
      expect(heard.readUInt16BE(12)).toBe(0x86dd);
      expect(heard[14 + 40 + 13]).toBe(flags);
    }
  });

  test("and one over IPv6 keeps them", async () => {
    passt.send(ask());
    await qemu.frames(1);
    const answer = { from: guest, to: client, ports: [80, 5001] as const, acknowledged: 1 };
    const frames = [flag.syn | flag.ack, flag.rst | flag.ack].map((flags) =>
      segmentOver6({ ...answer, flags }),
    );
    qemu.send(...frames);
    expect(await passt.frames(2)).toEqual(frames);
  });
});

interface SegmentOver6 {
  readonly from: string;
  readonly to: string;
  readonly ports: readonly [number, number];
  readonly flags: number;
  readonly sequence?: number;
  readonly acknowledged?: number;
  readonly data?: Buffer;
}

/** RFC 8200 and RFC 9293. */
function segmentOver6({
  from,
  to,
  ports,
  flags,
  sequence = 0,
  acknowledged = 0,
  data,
}: SegmentOver6): Buffer {
  const addresses = Buffer.from([from, to].flatMap((address) => ipaddr.parse(address).toByteArray()));
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(ports[0], 0);
  tcp.writeUInt16BE(ports[1], 2);
  tcp.writeUInt32BE(sequence, 4);
  tcp.writeUInt32BE(acknowledged, 8);
  tcp.set([0x50, flags, 0xff, 0xff], 12);
  const segment = Buffer.concat([tcp, data ?? Buffer.alloc(0)]);
  const ip = Buffer.from([0x60, 0, 0, 0, 0, segment.length, 6, 64]);
  const ethernet = Buffer.alloc(14);
  ethernet.writeUInt16BE(0x86dd, 12);
  segment.writeUInt16BE(~wordSum(addresses, segment) & 0xffff, 16);
  return Buffer.concat([ethernet, ip, addresses, segment]);
}

/** Of addresses and a segment, with what else a pseudo header has. */
function wordSum(addresses: Buffer, segment: Buffer): number {
  return foldedSum(Buffer.concat([addresses, segment]), 6 + segment.length);
}

/** RFC 1071. */
function foldedSum(bytes: Buffer, first = 0): number {
  let sum = first;
  for (const [index, byte] of bytes.entries()) sum += index % 2 === 0 ? byte << 8 : byte;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

/** All ones where they are right. */
function sumsOf(frame: Buffer): { readonly header: number; readonly segment: number } {
  const isIpv4 = frame.readUInt16BE(12) === 0x0800;
  const [addressesAt, tcpAt] = isIpv4 ? [26, 34] : [22, 54];
  const header = isIpv4 ? foldedSum(frame.subarray(14, 34)) : 0xffff;
  return { header, segment: wordSum(frame.subarray(addressesAt, tcpAt), frame.subarray(tcpAt)) };
}

/** Without what the relay does to windows. */
function bare(frame: Buffer): Buffer {
  return Buffer.concat([frame.subarray(14, 54 + 14), frame.subarray(54 + 18)]);
}
