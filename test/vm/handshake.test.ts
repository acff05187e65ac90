// SPDX-License-Identifier: MIT
/** The relay between QEMU and passt, with us in place of both. */
import { mkdtemp, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { compileHelper } from "../../src/host/helpers.js";
import { socketPair } from "../../src/host/socket-pair.js";
import { type RunningTool, start } from "../../src/host/spawn.js";
import { answerSegment, FrameReader, readSegment, tcpFlag, withLength } from "../../src/vm/frames.js";
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
  const command = relayCommand(await compileHelper("handshake"), { completes: false });
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
