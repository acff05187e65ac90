// SPDX-License-Identifier: MIT
// memcached: its text protocol over TCP and over a Unix socket, large values, statistics.
import { connect } from "node:net";
import { join } from "node:path";

export const workloads = [{ name: "memcached", binary: "/usr/bin/memcached", run }];

async function run(context) {
  const user = process.getuid() === 0 ? ["-u", "nobody"] : [];
  const port = await context.freePort();
  const overTcp = context.start(["-l", "127.0.0.1", "-p", `${port}`, "-U", "0", "-m", "16", ...user]);
  await context.waitForPort(port);
  await Promise.all([1, 2, 3, 4].map(() => talk(connect(port, "127.0.0.1"))));
  await overTcp.stop("SIGTERM");

  const socketFile = join(context.scratch, "socket");
  await context.client("chmod", ["a+rwx", context.scratch]);
  const overUnix = context.start(["-s", socketFile, "-a", "0700", "-t", "2", ...user]);
  await context.pause(700);
  await talk(connect(socketFile));
  await overUnix.stop("SIGINT");
}

function talk(socket) {
  const large = "x".repeat(200_000);
  const commands = [
    "set small 0 0 5\r\nhello",
    `set large 0 0 ${large.length}\r\n${large}`,
    "set count 0 0 1\r\n1",
    "incr count 5",
    "get small large missing",
    "gets count",
    "touch small 1",
    "delete small",
    "stats",
    "stats slabs",
    "stats items",
    "verbosity 1",
    "flush_all",
    "version",
    "quit",
  ];
  return new Promise((resolve, reject) => {
    socket.setTimeout(10_000, () => socket.destroy(new Error("memcached does not answer")));
    socket.on("error", reject).on("close", resolve).resume();
    socket.write(`${commands.join("\r\n")}\r\n`);
  });
}
