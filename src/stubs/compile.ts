// SPDX-License-Identifier: MIT
/**
 * Compiles the stubs of syscall-stubs/: the code of ours that goes into an image. Results are kept, named
 * by a digest of source and command, because most images have the same.
 */
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
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

/** The sources of the program that an image starts first. */
export const initSources: readonly string[] = [
  "init/attributes.c",
  "init/attributes.h",
  "init/init.c",
  "init/host.c",
  "init/host.h",
  "init/machine.c",
  "init/machine.h",
  "init/stdio.c",
  "init/stdio.h",
  "init/network.c",
  "init/network.h",
  "init/mounts.c",
  "init/mounts.h",
  "init/process.c",
  "init/process.h",
  "init/strings.c",
  "init/strings.h",
];

/** Options of the kernel that the dispatch asks about. */
const wantedOptions = ["SMP", "PRINTK"];

/** The path of the object with a rendered dispatch, for a kernel whose files are in `kernelDirectory`. */
export async function compileDispatch(
  source: string,
  kernelDirectory: string,
  compiler: string,
): Promise<string> {
  const configuration = (await readFile(join(kernelDirectory, "config"), "utf8")).split("\n");
  const defined = wantedOptions.filter((name) => configuration.includes(`CONFIG_${name}=y`));
  const flags = [...kernelFlags, ...defined.map((name) => `-DCONFIG_${name}`), "-c"];
  return compile("dispatch", [{ name: "dispatch.c", text: source }], flags, compiler);
}

/** The template of the dispatch. */
export function readDispatchTemplate(): Promise<string> {
  return readFile(stubFile("dispatch.c"), "utf8");
}

/** The template of what bound sites call. */
export function readCallsTemplate(): Promise<string> {
  return readFile(stubFile("calls.S"), "utf8");
}

/** What only images that use it have in that program. */
export interface InitParts {
  /** It gives files their extended attributes. */
  readonly setsAttributes: boolean;
}

/** The path of the program that an image starts first. */
export async function compileInit(compiler: string, { setsAttributes }: InitParts): Promise<string> {
  const flags = [...freestandingFlags, ...(setsAttributes ? ["-DUKL_ATTRIBUTES"] : [])];
  return compile("init", await Promise.all(initSources.map(readStub)), flags, compiler);
}

/** The path of the object with the rendered stubs that bound sites call. */
export function compileCalls(source: string): Promise<string> {
  return compile("calls", [{ name: "calls.S", text: source }], ["-c"], "");
}

/** The path of the object that gives programs in ring 3 the call entry `ukl_syscall`. */
export async function compileCallEntry(): Promise<string> {
  return compile("ukl_syscall", [await readStub("ukl_syscall.S")], ["-c"], "");
}

/** The path of a source of the stubs. */
export function stubFile(name: string): string {
  return packageFile("syscall-stubs", "x86_64", name);
}

interface Source {
  readonly name: string;
  readonly text: string;
}

async function readStub(name: string): Promise<Source> {
  return { name, text: await readFile(stubFile(name), "utf8") };
}

async function compile(
  name: string,
  sources: readonly Source[],
  flags: readonly string[],
  compiler: string,
): Promise<string> {
  const result = join(
    cacheDirectory(),
    "stubs",
    `${name}-${sha256(JSON.stringify([sources, flags, compiler]))}`,
  );
  if ((await stat(result).catch(() => undefined))?.isFile()) return result;
  const work = await mkdir(dirname(result), { recursive: true })
    .then(() => mkdtemp(`${result}.`))
    .catch((error: unknown) => {
      throw cacheWriteFailed(result, error);
    });
  try {
    await Promise.all(sources.map((source) => writeFile(join(work, basename(source.name)), source.text)));
    const units = sources.map((source) => basename(source.name)).filter((unit) => !unit.endsWith(".h"));
    const output = join(work, "result");
    const command: Command = { tool: "gcc", args: [...flags, ...units, "-o", output], cwd: work };
    await run(command);
    await rename(output, result);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return result;
}
