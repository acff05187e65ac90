// SPDX-License-Identifier: MIT
/**
 * A lock that cannot be left behind.
 *
 * flock(1) holds the kernel's lock on the file in a child whose standard input is a pipe from us. When we
 * end, however we end, the pipe closes, the child ends, and the kernel releases the lock.
 */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { cacheWriteFailed, isSystemError } from "./files.js";
import { notStarted } from "./not-started.js";

/**
 * Runs `work` while holding the exclusive lock on `path`, waiting for it as long as it takes.
 * `onWait` is called once if another process has it. Throws UKL-306 or UKL-402 where the lock file cannot be
 * made, and UKL-401.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, onWait?: () => void): Promise<T> {
  await mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
    throw cacheWriteFailed(path, error);
  });
  const release = await acquire(path, onWait);
  try {
    return await work();
  } finally {
    await release();
  }
}

async function acquire(path: string, onWait: (() => void) | undefined): Promise<() => Promise<void>> {
  const holder = spawn("flock", ["--exclusive", path, "sh", "-c", "echo locked; exec cat >/dev/null"], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let complaint = "";
  holder.stderr.on("data", (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const waiting = setTimeout(() => onWait?.(), 200);
  const ended = new Promise<void>((resolve) => holder.once("close", () => resolve()));
  try {
    await new Promise<void>((resolve, reject) => {
      holder.stdout.once("data", () => resolve());
      holder.once("error", reject);
      holder.once("close", () => reject(new Error(complaint.trim() || "flock ended")));
    });
  } catch (error) {
    if (isSystemError(error)) throw notStarted({ tool: "flock", args: [path] }, error.code);
    throw cacheWriteFailed(path, error);
  } finally {
    clearTimeout(waiting);
  }
  return async () => {
    holder.stdin.end();
    await ended;
  };
}
