// SPDX-License-Identifier: MIT
/**
 * Programs that have the terminal: they read and write where we do, and a signal that we get is theirs. Between us and
 * such a program there is a tool, strace, which keeps signals for itself, so they go to what it traces.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "./exec.js";
import { startFailure, starting } from "./not-started.js";

export interface ForegroundOptions {
  /** Where its stdout goes: where ours does, or to our stderr. */
  readonly stdout: "stdout" | "stderr";
}

const passedOn = ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"] as const;
const retryMs = 20;

/** Runs a tracer, and what it traces, to their end. Throws UKL-401 and UKL-408. */
export async function runTracer({ tool, args }: Command, { stdout }: ForegroundOptions): Promise<void> {
  const child = starting({ tool, args }, () =>
    spawn(tool, args, { stdio: ["inherit", stdout === "stdout" ? 1 : 2, "inherit"] }),
  );
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const onSignal = async (name: NodeJS.Signals) => {
    if (isOfTerminal(name) && (await isInForeground())) return; // The terminal has sent it to all of us.
    while (!hasEnded() && !(await signalTraced(child.pid ?? 0, name))) await sleep(retryMs);
  };
  for (const name of passedOn) process.on(name, onSignal);
  try {
    await once(child, "exit");
  } catch (error) {
    throw startFailure({ tool, args }, error);
  } finally {
    for (const name of passedOn) process.off(name, onSignal);
  }
}

function isOfTerminal(name: NodeJS.Signals): boolean {
  return name === "SIGINT" || name === "SIGQUIT";
}

/** Whether our process group is the one that has the terminal: proc(5), fields 5 and 8. */
async function isInForeground(): Promise<boolean> {
  const stat = await readFile("/proc/self/stat", "latin1");
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return group === foreground;
}

/** Signals the program that the tracer has started, or what that left behind; false when there is nothing to signal. */
async function signalTraced(tracer: number, name: NodeJS.Signals): Promise<boolean> {
  const traced = await findTraced(tracer);
  const program = traced.filter(({ parent }) => parent === tracer);
  const signalled = (program.length > 0 ? program : traced).filter(({ pid }) => {
    try {
      return process.kill(pid, name);
    } catch {
      return false; // It has ended meanwhile.
    }
  });
  return signalled.length > 0;
}

async function findTraced(tracer: number): Promise<{ readonly pid: number; readonly parent: number }[]> {
  const found = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const status = await readFile(`/proc/${pid}/status`, "latin1").catch(() => "");
    const field = (label: string) => Number(new RegExp(`^${label}:\t(\\d+)$`, "m").exec(status)?.[1]);
    if (field("TracerPid") === tracer) found.push({ pid: Number(pid), parent: field("PPid") });
  }
  return found;
}
