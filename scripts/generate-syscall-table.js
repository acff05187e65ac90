// SPDX-License-Identifier: MIT
// Writes src/inspect/syscall-table.ts from the tables of a kernel source: `node scripts/generate-syscall-table.js DIRECTORY`.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv, exit, stderr } from "node:process";

const directory = argv[2];
if (directory === undefined) {
  stderr.write("usage: node scripts/generate-syscall-table.js KERNEL_SOURCE\n");
  exit(64);
}
const read = (name) => readFileSync(join(directory, name), "utf8");

/** Lines are `number abi name [entry point ...]`. */
function table(name, abis) {
  return read(`arch/x86/entry/syscalls/${name}`)
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([number, abi]) => /^\d+$/.test(number) && abis.includes(abi))
    .map(([number, , call]) => `  [${number}, ${JSON.stringify(call)}],\n`)
    .join("");
}

const makefile = read("Makefile");
const [version, patchLevel] = ["VERSION", "PATCHLEVEL"].map(
  (name) => new RegExp(`^${name} = (\\d+)$`, "m").exec(makefile)?.[1],
);
// The x32 numbers are left out: that ABI has pointers of 4 bytes, and its programs are no input of ours.
writeFileSync(
  new URL("../src/inspect/syscall-table.ts", import.meta.url),
  `// SPDX-License-Identifier: MIT
// Generated from Linux ${version}.${patchLevel} by scripts/generate-syscall-table.js: do not edit.

/** Of arch/x86/entry/syscalls/syscall_64.tbl: what \`syscall\` calls. */
export const syscalls64: readonly (readonly [number: number, name: string])[] = [
${table("syscall_64.tbl", ["common", "64"])}];

/** Of arch/x86/entry/syscalls/syscall_32.tbl: what \`int $0x80\` calls, in a 64-bit program too. */
export const syscalls32: readonly (readonly [number: number, name: string])[] = [
${table("syscall_32.tbl", ["i386"])}];
`,
);
