// SPDX-License-Identifier: MIT
/** The numbers and names of system calls, from the kernel's own tables: no header or source is needed at run time. */
import { syscalls32, syscalls64 } from "./syscall-table.js";

export interface SyscallName {
  readonly number: number;
  readonly name: string;
}

/** Of x86-64, in the order of their numbers. */
export const allSyscalls: readonly SyscallName[] = syscalls64.map(([number, name]) => ({ number, name }));

const names = new Map(syscalls64);
const numbers = new Map(allSyscalls.map(({ number, name }) => [name, number]));
const ia32Names = new Map(syscalls32);

/** Of a number in rax at `syscall`. */
export function syscallName(number: number): string | undefined {
  return names.get(number);
}

export function syscallNumber(name: string): number | undefined {
  return numbers.get(name);
}

/** Of a number in eax at `int $0x80`, which enters the 32-bit table from 64-bit code too. */
export function ia32SyscallName(number: number): string | undefined {
  return ia32Names.get(number);
}
