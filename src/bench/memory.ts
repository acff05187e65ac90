// SPDX-License-Identifier: MIT
/** Memory: the least that boots, and what the host has given to a virtual machine. */
import { readFile } from "node:fs/promises";

/** No kernel of ours, unpacked, fits into this. */
const tooLittleMib = 3;

/** The least whole number up to `enoughMib`, which is known to boot, by halving. */
export async function leastMemoryMib(
  enoughMib: number,
  boots: (memoryMib: number) => Promise<boolean>,
): Promise<number> {
  let [fails, works] = [tooLittleMib, enoughMib];
  while (works - fails > 1) {
    const middle = (fails + works) >> 1;
    if (await boots(middle)) works = middle;
    else fails = middle;
  }
  return works;
}

export interface ResidentBytes {
  /** All of the process. */
  readonly machine: number;
  /** Of the guest's memory: a page counts from its first use on. */
  readonly guest: number;
}

/** Of a running QEMU whose guest has `guestMib`; undefined when it is gone. */
export async function residentBytes(pid: number, guestMib: number): Promise<ResidentBytes | undefined> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, "latin1").catch(() => "");
  const [status, mappings] = [await read("status"), await read("smaps")];
  const machine = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  const guest = new RegExp(`^Size: +${guestMib * 1024} kB\n(?:\\w+: .*\n)*?Rss: +(\\d+) kB$`, "m").exec(
    mappings,
  );
  if (machine === undefined || guest === null) return undefined;
  return { machine: 1024 * Number(machine), guest: 1024 * Number(guest[1]) };
}

/** Of `128M` or `2G`. */
export function mibOf(memory: string): number {
  return Number(memory.slice(0, -1)) * (memory.endsWith("G") ? 1024 : 1);
}
