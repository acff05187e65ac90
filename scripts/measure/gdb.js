// SPDX-License-Identifier: MIT
// What is needed of the GDB remote protocol to ask a guest that QEMU runs for its time at an address: QEMU tells the
// guest's time to the guest alone, so the guest is made to read it.
// https://sourceware.org/gdb/current/onlinedocs/gdb.html/Packets.html
import { once } from "node:events";
import { connect } from "node:net";

/** RDTSC. Under -icount the time stamp counter is the guest's time in nanoseconds. */
const readTimeStampCounter = "0f31";

/** The guest's time in nanoseconds when it arrives at the last of the addresses, reached one after the other. */
export async function guestTimeAt(socketPath, addresses) {
  const socket = connect(socketPath);
  await once(socket, "connect");
  const ask = remote(socket);
  try {
    for (const address of addresses) {
      const place = `1,${address.toString(16)},1`;
      await ask(`Z${place}`);
      await stopped(ask("c"));
      await ask(`z${place}`);
    }
    const end = addresses.at(-1).toString(16);
    await ask(`M${end},2:${readTimeStampCounter}`);
    await stopped(ask("s"));
    const registers = Buffer.from(await ask("g"), "hex");
    const [rax, rdx] = [0, 3].map((number) => registers.readBigUInt64LE(number * 8));
    return Number((rdx << 32n) | rax);
  } finally {
    socket.destroy();
  }
}

async function stopped(reply) {
  const text = await reply;
  if (!text.startsWith("T")) throw new Error(`the guest ended before it came to the address (${text})`);
}

/** A function that sends a packet and returns the reply to it: `$DATA#CHECKSUM`, acknowledged by `+`. */
function remote(socket) {
  let received = "";
  let settle;
  const fail = () => settle?.reject(new Error("QEMU closed the connection of the debugger"));
  socket.on("error", fail).on("close", fail);
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
    const packet = /\$([^#]*)#[0-9a-f]{2}/.exec(received);
    if (packet === null || settle === undefined) return;
    received = "";
    socket.write("+");
    settle.resolve(packet[1]);
  });
  return (data) =>
    new Promise((resolve, reject) => {
      settle = { resolve, reject };
      const sum = Buffer.from(data, "latin1").reduce((total, byte) => (total + byte) & 0xff, 0);
      socket.write(`$${data}#${sum.toString(16).padStart(2, "0")}`);
    });
}
