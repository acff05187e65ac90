// SPDX-License-Identifier: MIT
/** Servers in guests, run by the command as a user does, and what their clients need. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { cliPath } from "./cli.js";
import { patience } from "./patience.js";

const patienceMs = 40_000;
const retryMs = 10;

export interface Server {
  readonly process: ChildProcess;
  /** Console and diagnostics so far. */
  output(): string;
  /** The exit status, once it has ended. */
  readonly ended: Promise<number | null>;
  stop(): Promise<void>;
}

export function startServer(
  image: string,
  options: readonly string[],
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Server {
  const words = [cliPath, "run", image, ...options, ...(args.length === 0 ? [] : ["--", ...args])];
  const child = spawn(process.execPath, words, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = once(child, "close").then(([code]) => code as number | null);
  return {
    process: child,
    output: () => Buffer.concat(chunks).toString("latin1"),
    ended,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Runs `work` with the server of an image, and wants no word of the kernel. */
export async function withServer(
  image: string,
  options: readonly string[],
  work: (server: Server) => Promise<void>,
): Promise<void> {
  const server = startServer(image, ["--timeout", String(patience(200)), ...options]);
  try {
    await work(server);
    expect(server.output()).not.toMatch(/killed|masked|Oops|BUG:|WARNING: CPU|Call Trace|error\[/);
  } catch (error) {
    throw new Error(`${image} said: ${server.output()}`, { cause: error });
  } finally {
    await server.stop();
  }
}

/** A port that nobody has, or had a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0);
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** What the server answers to the words, up to the first answer that ends as expected. Each try is one connection. */
export async function ask(port: number, words: string, end: RegExp, host = "127.0.0.1"): Promise<string> {
  const deadlineMs = performance.now() + patience(patienceMs);
  for (;;) {
    const answer = await tryToAsk(connect(port, host), words, end);
    if (end.test(answer)) return answer;
    if (performance.now() > deadlineMs)
      throw new Error(`port ${port} of ${host} answered ${JSON.stringify(answer)}`);
    await sleep(retryMs);
  }
}

function tryToAsk(socket: Socket, words: string, end: RegExp): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    socket.on("connect", () => socket.write(words, "latin1"));
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      if (end.test(answer)) socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(answer));
  });
}
