// SPDX-License-Identifier: MIT
/**
 * Ethernet frames, as they pass between QEMU and passt: written for a guest that is not there, and read. What is read
 * comes from passt, and is compared with what was expected of it.
 */
import ipaddr from "ipaddr.js";
import { hardwareAddress, privateNetwork } from "./network.js";

/** On the wire each frame has its length in front. */
export function withLength(frame: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  return Buffer.concat([length, frame]);
}

/** Takes a stream apart into frames. */
export class FrameReader {
  #rest = Buffer.alloc(0);

  read(chunk: Uint8Array): readonly Buffer[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const frames: Buffer[] = [];
    while (this.#rest.length >= 4) {
      const end = 4 + this.#rest.readUInt32BE(0);
      if (this.#rest.length < end) break;
      frames.push(this.#rest.subarray(4, end));
      this.#rest = this.#rest.subarray(end);
    }
    return frames;
  }
}

/** What tells passt the guest's hardware and link-local addresses. */
export function introduction(): Buffer {
  return Buffer.concat([withLength(routerSolicitation()), withLength(arpRequest())]);
}

/** The guest asks who has the gateway's address: RFC 826. */
export function arpRequest(): Buffer {
  const { address, gateway } = privateNetwork.ipv4;
  const nobody = Buffer.alloc(6);
  return Buffer.concat([
    ...[everybody, guestHardware, Buffer.from([0x08, 0x06])],
    // Ethernet, IPv4, the sizes of their addresses, and that this is a request.
    Buffer.from([0, 1, 8, 0, 6, 4, 0, 1]),
    ...[guestHardware, bytesOf(address), nobody, bytesOf(gateway)],
  ]);
}

export function isArpReply(frame: Buffer): boolean {
  return frame.length >= 42 && frame.readUInt16BE(12) === 0x0806 && frame.readUInt16BE(20) === 2;
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

const tcpProtocol = 6;
const udpProtocol = 17;

export const tcpFlag = { syn: 0x02, push: 0x08, ack: 0x10 } as const;

export interface Segment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly flags: number;
}

/** Undefined for a frame that holds no TCP over IPv4. */
export function readSegment(frame: Buffer): Segment | undefined {
  const tcp = readIpv4(frame, tcpProtocol);
  if (tcp === undefined || tcp.length < 20) return undefined;
  return {
    ...portsOf(tcp),
    sequence: tcp.readUInt32BE(4),
    acknowledged: tcp.readUInt32BE(8),
    flags: tcp.readUInt8(13),
  };
}

/** A segment of the guest, to where `frame` came from. */
export function answerSegment(frame: Buffer, segment: Segment, data = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(segment.sourcePort, 0);
  header.writeUInt16BE(segment.destinationPort, 2);
  header.writeUInt32BE(segment.sequence >>> 0, 4);
  header.writeUInt32BE(segment.acknowledged >>> 0, 8);
  header.writeUInt8((header.length / 4) << 4, 12);
  header.writeUInt8(segment.flags, 13);
  header.writeUInt16BE(0xffff, 14);
  return answerIpv4(frame, tcpProtocol, Buffer.concat([header, data]), 16);
}

export interface Datagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly data: Buffer;
}

/** Undefined for a frame that holds no whole UDP datagram over IPv4. */
export function readDatagram(frame: Buffer): Datagram | undefined {
  const udp = readIpv4(frame, udpProtocol);
  if (udp === undefined || udp.length < 8 || udp.readUInt16BE(4) !== udp.length) return undefined;
  return { ...portsOf(udp), data: udp.subarray(8) };
}

export function answerDatagram(frame: Buffer, { sourcePort, destinationPort, data }: Datagram): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(sourcePort, 0);
  header.writeUInt16BE(destinationPort, 2);
  header.writeUInt16BE(header.length + data.length, 4);
  return answerIpv4(frame, udpProtocol, Buffer.concat([header, data]), 6);
}

function portsOf(payload: Buffer): { readonly sourcePort: number; readonly destinationPort: number } {
  return { sourcePort: payload.readUInt16BE(0), destinationPort: payload.readUInt16BE(2) };
}

function readIpv4(frame: Buffer, protocol: number): Buffer | undefined {
  if (frame.length < 34 || frame.readUInt16BE(12) !== 0x0800) return undefined;
  const ip = frame.subarray(14);
  const [headerBytes, totalBytes] = [(ip.readUInt8(0) & 0xf) * 4, ip.readUInt16BE(2)];
  if (ip.readUInt8(9) !== protocol || headerBytes < 20 || totalBytes > ip.length) return undefined;
  return ip.subarray(headerBytes, totalBytes);
}

/** To where `frame` came from; `sumAt` is where the payload has its sum. */
function answerIpv4(frame: Buffer, protocol: number, payload: Buffer, sumAt: number): Buffer {
  const [from, to] = [frame.subarray(30, 34), frame.subarray(26, 30)];
  const ip = Buffer.alloc(20);
  ip.set([0x45], 0);
  ip.writeUInt16BE(ip.length + payload.length, 2);
  ip.set([64, protocol], 8);
  ip.set([...from, ...to], 12);
  ip.writeUInt16BE(internetSum(ip), 10);
  const pseudo = Buffer.alloc(12);
  pseudo.set([...from, ...to, 0, protocol]);
  pseudo.writeUInt16BE(payload.length, 10);
  payload.writeUInt16BE(internetSum(Buffer.concat([pseudo, payload])), sumAt);
  return Buffer.concat([frame.subarray(6, 12), guestHardware, frame.subarray(12, 14), ip, payload]);
}

/** RFC 1071. */
function internetSum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

const everybody = Buffer.alloc(6, 0xff);
const guestHardware = Buffer.from(hardwareAddress(privateNetwork.ipv4.address).replaceAll(":", ""), "hex");

function bytesOf(address: string): Buffer {
  return Buffer.from(ipaddr.parse(address).toByteArray());
}
