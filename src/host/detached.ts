// SPDX-License-Identifier: MIT
/**
 * Programs that outlive us.
 *
 * Such a program must be written down before it runs, or nobody would find it if we were killed between the two. So a
 * shell waits in its place for a word from us, and becomes the program when it comes; without us it never comes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type FileHandle, open } from "node:fs/promises";
import { Socket } from "node:net";
import { join, resolve } from "node:path";
import type { Writable } from "node:stream";
import { bug } from "../errors.js";
import { type Command, formatCommand } from "./exec.js";
import { writeFailed } from "./files.js";
import { identifyTool } from "./machine.js";
import { startFailure, starting } from "./not-started.js";
import { identifyProcess, type ProcessIdentity } from "./process.js";
import { inheritedFd } from "./spawn.js";

export interface DetachedOptions {
  /** Its working directory. */
  readonly directory: string;
  /** Files in it, which are appended to. */
  readonly stdout: string;
  readonly stderr: string;
  /** Connections that are the program's alone from then on: at `inheritedFd`, as for programs that end with us. */
  readonly inherited?: readonly Socket[];
  /** Those of them that stay ours as well. */
  readonly kept?: readonly Socket[];
}

export interface ToolStatus {
  /** Absent when a signal ended the program. */
  readonly exitStatus?: number;
  readonly signal?: string;
}

export interface DetachedTool {
  /** The process that waits, and becomes the program. */
  readonly identity: ProcessIdentity;
  /** Lets it become the program. */
  go(): void;
  /** The program's. */
  readonly stdin: Writable;
  /** Settles when it has ended while we are there. */
  readonly ended: Promise<ToolStatus>;
  /** From now on we do not wait for it. */
  release(): void;
}

const waitForWord = 'read -r word && exec "$@"';

/** Throws UKL-401, UKL-403 and UKL-408. */
export async function startDetached(command: Command, options: DetachedOptions): Promise<DetachedTool> {
  const { inherited = [], kept = [] } = options;
  try {
    return await startWaiting(command, options);
  } finally {
    for (const connection of inherited) if (!kept.includes(connection)) connection.destroy();
  }
}

async function startWaiting(command: Command, options: DetachedOptions): Promise<DetachedTool> {
  const { path } = await identifyTool(command.tool);
  const files = await openOutputs(options);
  const [stdout = "ignore", stderr = "ignore"] = files.map(({ fd }) => fd);
  const { inherited = [] } = options;
  const closeFiles = () => Promise.all(files.map((file) => file.close()));
  const child = await spawned({ ...command, cwd: options.directory }, () =>
    spawn("sh", ["-c", waitForWord, "sh", resolve(path), ...command.args], {
      cwd: options.directory,
      env: { ...process.env, LC_ALL: "C", ...command.env },
      detached: true,
      stdio: Object.assign(Array(inheritedFd).fill("ignore"), ["pipe", stdout, stderr]).concat(inherited),
    }),
  ).finally(closeFiles);
  const { stdin } = child;
  if (stdin === null) throw bug("a program has no stdin", "Node gave it none");
  stdin.on("error", () => undefined);
  const ended = once(child, "exit").then(([exitStatus, signal]: (number | string | null)[]) => ({
    ...(typeof exitStatus === "number" ? { exitStatus } : {}),
    ...(typeof signal === "string" ? { signal } : {}),
  }));
  const identity = await identifyProcess(child.pid ?? 0);
  if (identity === undefined) throw bug("a shell that waits has ended", formatCommand(command));
  return {
    identity,
    go: () => void stdin.write("go\n"),
    stdin,
    ended,
    release() {
      stdin.destroy();
      child.unref();
    },
  };
}

/**
 * A program beside another one: it is to end at the end of its stdin, of which this is the other end. It is to be given
 * to that other one, and closed here. Throws UKL-401.
 */
export async function startBeside(command: Command): Promise<Socket> {
  const { path } = await identifyTool(command.tool);
  // No directory of ours is in use as long as it runs.
  const child = await spawned(command, () =>
    spawn(path, command.args, { cwd: "/", detached: true, stdio: ["pipe", "ignore", "ignore"] }),
  );
  child.unref();
  if (child.stdin instanceof Socket) return child.stdin;
  throw bug("a program has no stdin to be held", formatCommand(command));
}

async function spawned(command: Command, start: () => ChildProcess): Promise<ChildProcess> {
  const child = starting(command, start);
  await once(child, "spawn").catch((error: unknown) => {
    throw startFailure(command, error);
  });
  return child;
}

async function openOutputs({ directory, stdout, stderr }: DetachedOptions): Promise<FileHandle[]> {
  const paths = [stdout, stderr].map((name) => join(directory, name));
  return Promise.all(paths.map((path) => open(path, "a", 0o600))).catch((error: unknown) => {
    throw writeFailed(directory, error);
  });
}
