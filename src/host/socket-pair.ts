// SPDX-License-Identifier: MIT
/** socketpair(2), which Node does not have. */
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";

/** Two connected sockets, from which nothing is read until somebody resumes them. `path` is free afterwards. */
export async function socketPair(path: string): Promise<readonly [Socket, Socket]> {
  const server = createServer({ pauseOnConnect: true }).listen(path);
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const first = connect({ path });
  first.pause();
  const [second] = await accepted;
  // An end that breaks is no event of its own: that a program has ended tells.
  for (const socket of [first, second]) socket.on("error", () => undefined);
  server.close();
  await rm(path, { force: true });
  return [first, second];
}
