// SPDX-License-Identifier: MIT
/** Kernels of others: bzImages, as distributions have them (Documentation/arch/x86/boot.rst in the kernel source). */
import { UklError } from "../errors.js";
import { readInput } from "../host/files.js";

const field = {
  bootFlag: 0x1fe,
  magic: 0x202,
  protocol: 0x206,
  versionOffset: 0x20e,
  loadFlags: 0x236,
} as const;
const headerEnd = 0x268;
const bootFlag = 0xaa55;
/** 2.12, which has the flags below. */
const oldestProtocol = 0x020c;
/** XLF_KERNEL_64. */
const is64Bit = 1;

export interface KernelImage {
  readonly path: string;
  readonly sizeBytes: number;
  /** As the kernel calls itself. */
  readonly version: string;
}

/** Throws UKL-201, and UKL-801 for what is no bzImage of a 64-bit kernel. */
export async function readKernelImage(path: string): Promise<KernelImage> {
  const bytes = await readInput(path);
  const cause = whyUnusable(bytes);
  if (cause === undefined) return { path, sizeBytes: bytes.length, version: versionOf(bytes) };
  throw new UklError("UKL-801", {
    what: `${path} cannot be booted as a kernel`,
    cause,
    fix: "name a bzImage, which distributions have as /boot/vmlinuz-VERSION; an image of ukl goes with --image",
  });
}

function whyUnusable(bytes: Buffer): string | undefined {
  if (bytes.length < headerEnd) return `it has ${bytes.length} bytes, fewer than the header of a kernel`;
  const isKernel =
    bytes.readUInt16LE(field.bootFlag) === bootFlag &&
    bytes.toString("latin1", field.magic, field.magic + 4) === "HdrS";
  if (!isKernel) return "it has no header of the Linux boot protocol";
  const protocol = bytes.readUInt16LE(field.protocol);
  if (protocol < oldestProtocol)
    return `its boot protocol is ${protocol >> 8}.${protocol & 255}, older than 2.12`;
  if ((bytes.readUInt16LE(field.loadFlags) & is64Bit) === 0) return "it is a 32-bit kernel";
  return undefined;
}

/** `uname -r`, which begins the text that the header leads to. */
function versionOf(bytes: Buffer): string {
  const at = bytes.readUInt16LE(field.versionOffset) + 0x200;
  return /^[\w.+~-]+/.exec(bytes.toString("latin1", at, at + 128))?.[0] ?? "unknown";
}
