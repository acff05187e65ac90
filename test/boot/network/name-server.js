// SPDX-License-Identifier: MIT
// Answers every question for an IPv4 address with 192.0.2.99, and others with nothing: RFC 1035, section 4.
import { createSocket } from "node:dgram";

const headerBytes = 12;
const typeA = 1;
const answer = Buffer.from([0xc0, headerBytes, 0, typeA, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 99]);

const socket = createSocket("udp4");
socket.on("message", (query, { port, address }) => {
  const nameEnd = query.indexOf(0, headerBytes) + 1;
  const isForAddress = query.readUInt16BE(nameEnd) === typeA;
  const header = Buffer.from(query.subarray(0, headerBytes));
  header.writeUInt16BE(0x8180, 2);
  // One question, perhaps one answer, nothing else: an EDNS record of the question is not answered.
  [1, isForAddress ? 1 : 0, 0, 0].forEach((count, index) => {
    header.writeUInt16BE(count, 4 + 2 * index);
  });
  const question = query.subarray(headerBytes, nameEnd + 4);
  socket.send(Buffer.concat([header, question, ...(isForAddress ? [answer] : [])]), port, address);
});
socket.bind(53, "127.0.0.1");
