// SPDX-License-Identifier: MIT
/** Processes that are to be known again later: numbers of processes are used again, and their parents change. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { bootId } from "./machine.js";

export const processIdentity = z.strictObject({
  pid: z.int().min(1),
  /** When it started, in ticks since the host did. */
  startTicks: z.string().regex(/^\d+$/),
  /** Which start of the host. */
  boot: z.string(),
});

export type ProcessIdentity = z.output<typeof processIdentity>;

/** Undefined when there is no such process, or only what is left of one until its parent asks for its end. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  // proc(5): the second field, the name, may have spaces and parentheses in it; the third is the state.
  const [state = "", ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const startTicks = fields[18];
  if (startTicks === undefined || /[ZX]/.test(state)) return undefined;
  return { pid, startTicks, boot: await bootId() };
}

export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  const now = await identifyProcess(identity.pid);
  return now?.startTicks === identity.startTicks && now.boot === identity.boot;
}

/** Ends it at once, if it is still there. */
export async function killProcess(identity: ProcessIdentity): Promise<void> {
  if (!(await isRunning(identity))) return;
  try {
    process.kill(identity.pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}
