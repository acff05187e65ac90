// SPDX-License-Identifier: MIT
/** The kernel's parts of a link, with a kernel object that has no dead code. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ElfFile, parseElf } from "../../elf/file.js";
import type { KernelParts } from "../image.js";
import { type CollectRequest, collectDeadCode } from "./collect.js";

/** Writes the object into `scratch`. `neededSymbols` stay, whoever refers to them. */
export async function withoutDeadCode(
  kernel: KernelParts,
  neededSymbols: readonly string[],
  scratch: string,
  options: Pick<CollectRequest, "keepSideTables"> = {},
): Promise<KernelParts> {
  const read = async (path: string): Promise<ElfFile> => parseElf(await readFile(path), path);
  const [object, script, ...others] = await Promise.all([
    readFile(kernel.object),
    readFile(join(kernel.directory, "vmlinux.lds"), "utf8"),
    ...[join(kernel.directory, "version-timestamp.o"), ...kernel.stubs].map(read),
  ]);
  const path = join(scratch, "vmlinux.o");
  await writeFile(
    path,
    collectDeadCode({ object, path: kernel.object, script, others, neededSymbols, ...options }),
  );
  return { ...kernel, object: path };
}
