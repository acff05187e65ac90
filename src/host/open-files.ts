// SPDX-License-Identifier: MIT
/** Which processes have something open: proc(5), /proc/PID/fd. Of other users' processes only root is told. */
import { readdir, readFile, readlink } from "node:fs/promises";

export interface Holder {
  readonly pid: number;
  readonly name: string;
}

/** `target` is what the link of the descriptor says: the real path of a file, or `socket:[INODE]`. */
export async function processesHolding(target: string): Promise<readonly Holder[]> {
  const entries = await readdir("/proc");
  const pids = entries.filter((name) => /^\d+$/.test(name));
  const holders = await Promise.all(pids.map((pid) => holderOf(pid, target)));
  return holders.filter((holder) => holder !== undefined);
}

/** A process may end while it is looked at, and then holds nothing. */
async function holderOf(pid: string, target: string): Promise<Holder | undefined> {
  const directory = `/proc/${pid}/fd`;
  const descriptors = await readdir(directory).catch(() => []);
  const links = await Promise.all(
    descriptors.map((descriptor) => readlink(`${directory}/${descriptor}`).catch(() => "")),
  );
  if (!links.includes(target)) return undefined;
  const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
  return { pid: Number(pid), name: name.trim() };
}
