// SPDX-License-Identifier: MIT
// Sends many requests to servers in unikernel mode, and fails on a wrong answer, a message of the kernel, or memory
// that grows after the first tenth. `npm run steady -- [REQUESTS] [SERVER...] [--shortcuts]`; a million requests to
// each by default. `npm run steady -- 10000000 redis-gets --shortcuts --write` is what docs/suites.md tells of.
//
// Memory is what QEMU has resident of the guest's: a page counts from its first use on, so what the guest leaks shows,
// up to the size of the guest, and what it frees and takes again does not. The host may give it 2 MiB at a time.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { residentBytes } from "../dist/bench/memory.js";
import { freePort } from "../dist/host/ports.js";
import { writeBelow } from "./measure/modes.js";
import { formatTable } from "./measure/table.js";

const own = (path) => fileURLToPath(new URL(path, import.meta.url));
const ukl = own("../dist/cli.js");
const connections = 20;
/** Requests that are on their way on one connection, unless the server says otherwise. */
const usualDepth = 10;
const mostGrowthMiB = 4;
const guestMiB = 128;
const kernelMessages = /Oops|BUG:|WARNING: CPU|Call Trace|Kernel panic|Out of memory|killed \w+ 0x/;
const scratch = mkdtempSync(join(tmpdir(), "ukl-steady-"));

/** Each request has the same answer, or one of the same length in which dates differ. */
const servers = {
  redis: {
    port: 6379,
    build: ["redis-server", "--", "--save", "", "--protected-mode", "no"],
    request: "*3\r\n$3\r\nSET\r\n$6\r\ncolour\r\n$3\r\nred\r\n*2\r\n$3\r\nGET\r\n$6\r\ncolour\r\n",
    requests: 2,
    answer: /^\+OK\r\n\$3\r\nred\r\n$/,
  },
  // Of one key, many on their way: what the server says that it has answered is compared as well.
  "redis-gets": {
    port: 6379,
    build: ["redis-server", "--", "--save", "", "--protected-mode", "no"],
    prepare: "*3\r\n$3\r\nSET\r\n$6\r\ncolour\r\n$3\r\nred\r\n",
    request: "*2\r\n$3\r\nGET\r\n$6\r\ncolour\r\n",
    requests: 1,
    depth: 100,
    answer: /^\$3\r\nred\r\n$/,
    served: { request: "*2\r\n$4\r\nINFO\r\n$12\r\ncommandstats\r\n", count: /cmdstat_get:calls=(\d+),/ },
  },
  memcached: {
    port: 11211,
    build: ["memcached", "--", "-u", "root", "-t", "4"],
    request: "set colour 0 0 3\r\nred\r\nget colour\r\n",
    requests: 2,
    answer: /^STORED\r\nVALUE colour 0 3\r\nred\r\nEND\r\n$/,
  },
  nginx: {
    port: 80,
    build: [
      "/usr/sbin/nginx",
      ...["--include", `/etc/nginx/test.conf=${own("../test/programs/files/nginx.conf")}`],
      ...["--include", `/srv/page.txt=${join(scratch, "page.txt")}`, "--", "-c", "/etc/nginx/test.conf"],
    ],
    request: "GET /page.txt HTTP/1.1\r\nHost: guest\r\n\r\n",
    requests: 1,
    answer: /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\na page of some bytes\n$/,
  },
};

const shortcuts = "--shortcuts";
const write = "--write";
const takesShortcuts = process.argv.includes(shortcuts);
/** Of the ways to build and to run: a wait leaves the scheduler out only with one CPU. */
const [flags, cpus] = takesShortcuts ? [[shortcuts], "1"] : [[], "2"];
const [count = "1000000", ...named] = process.argv
  .slice(2)
  .filter((word) => word !== shortcuts && word !== write);
const names = named.length === 0 ? Object.keys(servers) : named;
const rows = [];
try {
  writeFileSync(join(scratch, "page.txt"), "a page of some bytes\n");
  for (const name of names) await tryServer(name, servers[name], Number(count));
  const table = formatTable(
    ["server", "requests", "right answers", "per second", "MiB after a tenth", "MiB at the end"],
    rows,
  );
  process.stdout.write(table);
  if (process.argv.includes(write) && process.exitCode === undefined) {
    writeBelow(new URL("../docs/suites.md", import.meta.url), "## Many requests", table);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function tryServer(name, server, wanted) {
  const image = join(scratch, `${name}.elf`);
  const [target, ...rest] = server.build;
  const args = [ukl, "build", target, "--kernel", "generic", ...flags, "-o", image, ...rest];
  execFileSync(process.execPath, args, { stdio: "ignore" });
  const port = await freePort();
  const guest = spawn(process.execPath, [
    ukl,
    "run",
    image,
    "--smp",
    cpus,
    "-p",
    `127.0.0.1:${port}:${server.port}`,
  ]);
  const onSignal = () => guest.kill("SIGTERM");
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, onSignal);
  let output = "";
  for (const stream of [guest.stdout, guest.stderr]) {
    stream.on("data", (chunk) => {
      output = (output + chunk.toString("latin1")).slice(-65_536);
    });
  }
  try {
    if (server.prepare !== undefined) await ask(port, server.prepare, /\n$/);
    const answerBytes = await firstAnswer(port, server);
    const before = await served(port, server);
    const beginMs = performance.now();
    let answers = await sendAll(port, server, answerBytes, wanted / 10);
    const early = await residentMiB(guest.pid);
    answers += await sendAll(port, server, answerBytes, (wanted * 9) / 10);
    const late = await residentMiB(guest.pid);
    const perSecond = Math.round((1000 * answers) / (performance.now() - beginMs));
    rows.push([name, wanted, answers, perSecond, early.toFixed(1), late.toFixed(1)]);
    const counted = (await served(port, server)) - before;
    if (server.served !== undefined && counted !== answers) {
      throw new Error(`${answers} answers came, and the server counts ${counted}`);
    }
    if (kernelMessages.test(output)) throw new Error(`the kernel said something:\n${output}`);
    if (late - early > mostGrowthMiB) throw new Error(`memory grew by ${(late - early).toFixed(1)} MiB`);
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`${name}: ${error.message}\n${output.slice(-2000)}\n`);
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, onSignal);
    guest.kill("SIGTERM");
    if (guest.exitCode === null) await once(guest, "close");
  }
}

/** The length of an answer, once there is one. */
async function firstAnswer(port, { request, answer }) {
  return (await ask(port, request, answer)).length;
}

/** How many requests the server says that it has answered. */
async function served(port, { served: counter }) {
  return counter === undefined
    ? 0
    : Number(counter.count.exec(await ask(port, counter.request, counter.count))[1]);
}

/** The first answer, once the server gives it. */
async function ask(port, request, answer) {
  for (let tries = 0; tries < 1000; tries++) {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("connect", () => socket.write(request));
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (answer.test(text)) socket.destroy();
    });
    await new Promise((resolve) => socket.on("close", resolve));
    if (answer.test(text)) return text;
    await sleep(50);
  }
  throw new Error("no answer");
}

/** How many right answers came. */
async function sendAll(port, server, answerBytes, wanted) {
  const batches = Math.ceil(wanted / server.requests / depthOf(server) / connections);
  const all = Array.from({ length: connections }, () => sendSome(port, server, answerBytes, batches));
  return (await Promise.all(all)).reduce((sum, one) => sum + one, 0);
}

function depthOf({ depth = usualDepth }) {
  return depth;
}

function sendSome(port, server, answerBytes, batches) {
  const [depth, batch] = [depthOf(server), server.request.repeat(depthOf(server))];
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(batch));
    let [left, text, right] = [batches, "", 0];
    const stalled = setInterval(() => reject(new Error("no answer for a minute")), 60_000);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (text.length < depth * answerBytes) return;
      stalled.refresh();
      for (let at = 0; at < text.length; at += answerBytes) {
        const one = text.slice(at, at + answerBytes);
        if (!server.answer.test(one)) return reject(new Error(`a wrong answer: ${JSON.stringify(one)}`));
        right += server.requests;
      }
      text = "";
      left -= 1;
      if (left > 0) return socket.write(batch);
      socket.end();
      resolve(right);
    });
    socket.on("error", reject);
    socket.on("close", () => (left > 0 ? reject(new Error("the server closed a connection")) : undefined));
    socket.on("close", () => clearInterval(stalled));
  });
}

/** Of the virtual machine that the process has started. */
async function residentMiB(parent) {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    let status = "";
    try {
      status = readFileSync(`/proc/${pid}/status`, "latin1");
    } catch {
      continue; // It has ended meanwhile.
    }
    if (!new RegExp(`^PPid:\t${parent}$`, "m").test(status) || !/^Name:\tqemu/.test(status)) continue;
    return (await residentBytes(Number(pid), guestMiB)).guest / 1024 ** 2;
  }
  throw new Error("the machine is gone");
}
