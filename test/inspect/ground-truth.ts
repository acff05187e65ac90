// SPDX-License-Identifier: MIT
/** What other tools see of a program. */
import { execFileSync } from "node:child_process";
import type { Workshop } from "../elf/toolchain.js";

/** The names of the calls that a run makes, its children's included, however it ends. */
export function seenByStrace(
  workshop: Workshop,
  file: string,
  ...args: readonly string[]
): readonly string[] {
  workshop.run("sh", "-c", 'strace -f -o trace.txt "$@" || true', "sh", file, ...args);
  const trace = workshop.read("trace.txt").toString("latin1");
  const seen = new Set([...trace.matchAll(/^\d+ +(\w+)\(/gm)].map(([, name = ""]) => name));
  return [...seen].slice(1); // The first is the execve that strace makes itself.
}

/** How many system call instructions binutils finds in files. */
export function sitesInDisassembly(...files: readonly string[]): number {
  const code = execFileSync("objdump", ["-d", "--no-show-raw-insn", ...files], {
    encoding: "utf8",
    maxBuffer: 1 << 29,
  });
  return code.match(/\t(?:syscall|sysenter|int +\$0x80)\b/g)?.length ?? 0;
}
