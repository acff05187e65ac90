// SPDX-License-Identifier: MIT
/**
 * Compiles the stubs of syscall-stubs/: the code of ours that goes into an image. Results are kept, named
 * by a digest of source and command, because most images have the same.
 */
import { mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Command, run } from "../host/exec.js";
import { cacheWriteFailed, sha256 } from "../host/files.js";
import { cacheDirectory, packageFile } from "../host/places.js";

/** Code for the kernel's half: its code model, no red zone, nothing but integer registers. */
const kernelFlags = [
  "-O2",
  "-ffreestanding",
  "-mcmodel=kernel",
  "-mno-red-zone",
  "-mgeneral-regs-only",
  "-fno-pic",
  "-fno-pie",
  "-fno-jump-tables",
  "-fno-stack-protector",
  "-fno-asynchronous-unwind-tables",
  "-fcf-protection=none",
];

const freestandingFlags = [
  "-Os",
  "-static",
  "-no-pie",
  "-nostdlib",
  "-ffreestanding",
  "-fno-stack-protector",
  "-fno-asynchronous-unwind-tables",
  "-fcf-protection=none",
  "-s",
  "-Wl,-z,noseparate-code,--build-id=none",
];

/** The path of the object with the system call dispatch for a kernel whose files are in `kernelDirectory`. */
export async function compileDispatch(kernelDirectory: string, compiler: string): Promise<string> {
  const table = await readFile(join(kernelDirectory, "syscalls_64.h"));
  return compile("dispatch.c", [...kernelFlags, "-c", "-I", kernelDirectory], [compiler, sha256(table)], "o");
}

/** The path of the program that an image starts first. */
export async function compileInit(compiler: string): Promise<string> {
  return compile("init.c", freestandingFlags, [compiler], "elf");
}

/** The path of the object that gives programs in ring 3 the call entry `ukl_syscall`. */
export async function compileCallEntry(): Promise<string> {
  return compile("ukl_syscall.S", ["-c"], [], "o");
}

async function compile(
  name: string,
  flags: readonly string[],
  identity: readonly string[],
  extension: string,
): Promise<string> {
  const source = packageFile("syscall-stubs", "x86_64", name);
  const digest = sha256(JSON.stringify([sha256(await readFile(source)), flags, identity]));
  const result = join(cacheDirectory(), "stubs", `${basename(name)}-${digest}.${extension}`);
  if ((await stat(result).catch(() => undefined))?.isFile()) return result;
  const work = await mkdir(dirname(result), { recursive: true })
    .then(() => mkdtemp(`${result}.`))
    .catch((error: unknown) => {
      throw cacheWriteFailed(result, error);
    });
  try {
    const output = join(work, "result");
    const command: Command = { tool: "gcc", args: [...flags, source, "-o", output] };
    await run(command);
    await rename(output, result);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return result;
}
