// SPDX-License-Identifier: MIT
/** The kernel's table of system calls: arch/x86/entry/syscalls/syscall_64.tbl, whose head describes its columns. */
import { bug } from "../errors.js";

export interface TableEntry {
  readonly number: number;
  readonly name: string;
  /** The function without its prefix: `sys_newstat`. Absent where the kernel keeps a number without a function. */
  readonly entryPoint?: string;
}

/** Entries of the 64-bit ABI, by number. The x32 ones have numbers of their own, and its programs do not run. */
export function parseSyscallTable(text: string): readonly TableEntry[] {
  const entries = text
    .split("\n")
    .map((line) => /^(\d+)\s+(?:common|64)\s+(\w+)(?:\s+(\w+))?/.exec(line))
    .filter((match) => match !== null)
    .map(([, number, name = "", entryPoint]) => ({
      number: Number(number),
      name,
      ...(entryPoint === undefined ? {} : { entryPoint }),
    }));
  if (entries.length > 0) return entries;
  throw bug("the kernel's table of system calls is not as expected", "it has no entry of the 64-bit ABI");
}
