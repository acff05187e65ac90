// SPDX-License-Identifier: MIT
/** The last link: kernel, stubs and payload become one ELF file. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ElfFile, parseElf } from "../elf/file.js";
import { writeObject } from "../elf/object.js";
import { UklError } from "../errors.js";
import { lastLines, type Outcome, run } from "../host/exec.js";
import { packageFile } from "../host/places.js";
import { pageBytes } from "../rootfs/cpio.js";
import type { Payload } from "./payload.js";
import { renderScript } from "./script.js";

export interface KernelParts {
  /** Holds version-timestamp.o and vmlinux.lds. */
  readonly directory: string;
  /** Path of vmlinux.o, whole or without dead code. */
  readonly object: string;
  /** Objects of the stubs that the kernel wants. */
  readonly stubs: readonly string[];
}

const mib = 1 << 20;
/** KERNEL_IMAGE_SIZE (arch/x86/include/asm/page_64_types.h), without CONFIG_RANDOMIZE_BASE. */
const mostBytes = 512 * mib;
/** What ld says of the script's assertion, and of addresses further than code can name. */
const isTooLarge = /KERNEL_IMAGE_SIZE|relocation truncated to fit/;
const noPayload = { extraObjects: [], archiveBytes: 0 } as const;

/** Links the image into `scratch` and returns its path. Throws UKL-235 and UKL-501. */
export async function linkImage(kernel: KernelParts, payload: Payload, scratch: string): Promise<string> {
  if (payload.archiveBytes > mostBytes) throw tooLarge(payload.archiveBytes);
  const payloadObject = join(scratch, "payload.o");
  const script = join(scratch, "image.lds");
  await writeFile(payloadObject, writeObject(payload.sections, payload.symbols));
  await writeFile(script, await imageScript(kernel.directory, payload));
  const { archiveBytes } = payload;
  return link(kernel, script, { extraObjects: [payloadObject], archiveBytes }, join(scratch, "image.elf"));
}

/** The linker script of an image with a kernel whose files are in `kernelDirectory`. */
export async function imageScript(
  kernelDirectory: string,
  { segments, fileBytes }: Payload,
): Promise<string> {
  const [kernelScript, applicationScript] = await Promise.all([
    readFile(join(kernelDirectory, "vmlinux.lds"), "utf8"),
    readFile(packageFile("linker-scripts", "application.lds"), "utf8"),
  ]);
  return renderScript({ kernelScript, applicationScript, segments, fileBytes });
}

/**
 * The addresses of kernel symbols, from a link of the kernel alone: nothing in front of the application's
 * block moves when the application is linked in. Throws UKL-505 for a name the kernel does not have.
 */
export async function findKernelSymbols(
  kernel: KernelParts,
  names: readonly string[],
  scratch: string,
): Promise<ReadonlyMap<string, bigint>> {
  if (names.length === 0) return new Map();
  const path = await link(
    kernel,
    join(kernel.directory, "vmlinux.lds"),
    noPayload,
    join(scratch, "kernel.elf"),
  );
  const addresses = symbolAddresses(parseElf(await readFile(path), path), names);
  const missing = names.filter((name) => !addresses.has(name));
  if (missing.length === 0) return addresses;
  throw new UklError("UKL-505", {
    what: `the kernel has no symbol ${missing.join(", ")}`,
    cause: "it is static, inlined, or needs a kernel option that this kernel was built without",
    fix: "check the name, or add the option to kernel.options in the configuration",
  });
}

/** Where the global symbols of these names are in a linked file. */
export function symbolAddresses(file: ElfFile, names: readonly string[]): ReadonlyMap<string, bigint> {
  const wanted = new Set(names);
  const addresses = new Map<string, bigint>();
  for (const symbol of file.symbols) {
    if (symbol.binding === "local" || symbol.section === "undefined" || !wanted.has(symbol.name)) continue;
    addresses.set(symbol.name, symbol.value);
  }
  return addresses;
}

async function link(
  kernel: KernelParts,
  script: string,
  { extraObjects, archiveBytes }: { readonly extraObjects: readonly string[]; readonly archiveBytes: number },
  output: string,
): Promise<string> {
  const objects = [kernel.object, join(kernel.directory, "version-timestamp.o")];
  await run(
    {
      tool: "ld",
      args: [
        ...["-m", "elf_x86_64", "-z", "noexecstack", "-z", `max-page-size=${pageBytes}`],
        // The kernel's init segment holds code and data; they are protected, then freed, by the kernel.
        "--no-warn-rwx-segments",
        "--build-id=none",
        "--orphan-handling=error",
        `--script=${script}`,
        ...["--whole-archive", ...objects, ...kernel.stubs, ...extraObjects, "--no-whole-archive"],
        ...["-o", output],
      ],
    },
    { explain: (outcome) => (isTooLarge.test(outcome.stderr) ? tooLarge(archiveBytes) : notLinked(outcome)) },
  );
  return output;
}

function tooLarge(archiveBytes: number): UklError {
  return new UklError("UKL-235", {
    what: "the files of the image are too large for it",
    cause: `they take ${Math.ceil(archiveBytes / mib)} MiB, and the kernel has ${mostBytes / mib} MiB of addresses for itself and them`,
    fix: "give large files to the guest on a volume or a disk (-v, --disk), or leave them out",
  });
}

function notLinked(outcome: Outcome): UklError {
  return new UklError("UKL-501", {
    what: "the image does not link",
    cause: lastLines(outcome.stderr),
    fix: "please report this with the kernel options and the application",
  });
}
