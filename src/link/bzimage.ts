// SPDX-License-Identifier: MIT
/**
 * Makes a bzImage of an image: for loaders that know the Linux boot protocol and not PVH.
 *
 *   setup     the kernel's real-mode part, whose header describes the rest
 *   payload   the decompressor, linked with the compressed image
 *
 * Boot protocol: Documentation/arch/x86/boot.rst in the kernel source; the size a loader has to reserve is
 * computed as in arch/x86/boot/header.S.
 */
import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PT } from "../elf/constants.js";
import { type ElfFile, parseElf } from "../elf/file.js";
import { flattenExecutable } from "../elf/flat.js";
import { writeObject } from "../elf/object.js";
import { bug } from "../errors.js";
import { run } from "../host/exec.js";
import { writeOutput } from "../host/files.js";
import { describeStub, hasEfiHeader, type StubAddresses } from "./efi-header.js";

/** Offsets of header fields in the setup part. */
const header = {
  setupSectors: 0x1f1,
  syssize: 0x1f4,
  magic: 0x202,
  payloadOffset: 0x248,
  payloadLength: 0x24c,
  initSize: 0x260,
  kernelInfo: 0x268,
} as const;
const headerMagic = "HdrS";
const sectorBytes = 512;

/** The decompressor takes segments at multiples of this alone (misc.c: parse_elf). */
const segmentAlignBytes = 0x200000;

/** As in arch/x86/boot/compressed/Makefile. */
const linkerOptions = [
  ...["-m", "elf_x86_64", "-pie", "--no-dynamic-linker", "--no-warn-rwx-segments", "--build-id=none"],
  ...["-z", "text", "-z", "noexecstack", "-z", "norelro"],
];

/** Writes `<output without .elf>.bzimage` and returns its path. `kernelDirectory` has the decompressor's parts. */
export async function writeBzImage(
  kernelDirectory: string,
  image: Uint8Array,
  output: string,
  scratch: string,
): Promise<string> {
  const whole = parseElf(image, output);
  const kernel = flattenExecutable(whole, segmentAlignBytes);
  const compressed = await compress(kernel, join(scratch, "flat.elf"));

  const payloadObject = join(scratch, "compressed.o");
  await writeFile(payloadObject, compressedObject(compressed, kernel.length));
  const linked = join(scratch, "decompressor.elf");
  const script = `--script=${join(kernelDirectory, "decompressor.lds")}`;
  const decompressorParts = [
    "--whole-archive",
    join(kernelDirectory, "decompressor.a"),
    "--no-whole-archive",
  ];
  const library = await stubLibrary(kernelDirectory);
  const args = [...linkerOptions, script, ...decompressorParts, payloadObject, ...library, "-o", linked];
  await run({ tool: "ld", args });
  const flat = join(scratch, "decompressor.bin");
  await run({ tool: "objcopy", args: ["-O", "binary", "-R", ".note", "-R", ".comment", "-S", linked, flat] });

  const setup = await readFile(join(kernelDirectory, "setup.bin"));
  const layout = decompressorLayout(await readFile(linked), linked);
  const kernelMemoryBytes = memorySpan(whole);
  const decompressor = await readFile(flat);
  // misc.c has it of the kernel without an application, and the EFI stub takes so much memory for what is unpacked.
  decompressor.writeBigUInt64LE(BigInt(kernelMemoryBytes), layout.kernelTotalSize);
  const file = assemble(setup, decompressor, {
    ...layout,
    compressedBytes: compressed.length,
    kernelBytes: kernel.length,
    kernelMemoryBytes,
  });
  const path = `${output.replace(/\.elf$/, "")}.bzimage`;
  await writeOutput(path, file);
  return path;
}

/** Of a kernel with CONFIG_EFI_STUB. */
async function stubLibrary(kernelDirectory: string): Promise<readonly string[]> {
  const path = join(kernelDirectory, "efi-stub.a");
  return access(path).then(
    () => ["-u", "efi_pe_entry", path],
    () => [],
  );
}

/** As the kernel does it with scripts/xz_wrap.sh: the size of the contents follows the compressed data. */
async function compress(contents: Buffer, path: string): Promise<Buffer> {
  await writeFile(path, contents);
  await run({ tool: "xz", args: ["--check=crc32", "--x86", "--lzma2=dict=32MiB", path] });
  const size = Buffer.alloc(4);
  size.writeUInt32LE(contents.length);
  return Buffer.concat([await readFile(`${path}.xz`), size]);
}

/** What arch/x86/boot/compressed/mkpiggy.c makes: the compressed kernel and its two sizes. */
function compressedObject(compressed: Buffer, kernelBytes: number): Buffer {
  const sizes = Buffer.alloc(8);
  sizes.writeUInt32LE(compressed.length, 0);
  sizes.writeUInt32LE(kernelBytes, 4);
  return writeObject(
    [
      { name: ".rodata..compressed", type: "progbits", flags: {}, alignBytes: 1, data: compressed },
      { name: ".rodata", type: "progbits", flags: {}, alignBytes: 4, data: sizes },
    ],
    [
      { name: "input_data", section: 0, offset: 0, sizeBytes: compressed.length },
      { name: "input_data_end", section: 0, offset: compressed.length, sizeBytes: 0 },
      { name: "input_len", section: 1, offset: 0, sizeBytes: 4 },
      { name: "output_len", section: 1, offset: 4, sizeBytes: 4 },
    ],
  );
}

interface DecompressorLayout {
  /** Addresses from the start of the decompressor. */
  readonly inputData: number;
  readonly kernelInfo: number;
  readonly end: number;
  /** End of the part that has to survive in front of the output. */
  readonly headEnd: number;
  readonly kernelTotalSize: number;
  /** Of a kernel with CONFIG_EFI_STUB. */
  readonly stub?: StubAddresses;
}

function decompressorLayout(bytes: Uint8Array, path: string): DecompressorLayout {
  const { symbols } = parseElf(bytes, path);
  // Some are hidden, and so local in what was linked.
  const addresses = new Map(
    symbols.filter(({ section }) => section !== "undefined").map(({ name, value }) => [name, Number(value)]),
  );
  const at = (name: string): number => {
    const address = addresses.get(name);
    if (address === undefined) throw bug("the decompressor is not as expected", `it has no symbol ${name}`);
    return address;
  };
  if (at("startup_32") !== 0)
    throw bug("the decompressor is not as expected", "startup_32 is not at its start");
  const stub = {
    data: at("_data"),
    dataEnd: at("_edata"),
    end: at("_end"),
    handoverEntry: addresses.get("efi64_stub_entry"),
    efi32Entry: addresses.get("efi32_pe_entry"),
  };
  const efiEntry = addresses.get("efi_pe_entry");
  return {
    inputData: at("input_data"),
    kernelInfo: at("kernel_info"),
    end: at("_end"),
    headEnd: at("_ehead"),
    kernelTotalSize: at("kernel_total_size"),
    ...(efiEntry === undefined ? {} : { stub: { ...stub, efiEntry } }),
  };
}

interface Sizes extends Omit<DecompressorLayout, "kernelTotalSize"> {
  readonly compressedBytes: number;
  readonly kernelBytes: number;
  readonly kernelMemoryBytes: number;
}

/** Joins setup and payload, and describes the payload in the header. */
export function assemble(setupCode: Buffer, decompressor: Buffer, sizes: Sizes): Buffer {
  if (setupCode.toString("latin1", header.magic, header.magic + 4) !== headerMagic) {
    throw bug("the kernel's setup code is not as expected", "it has no boot protocol header");
  }
  const sectors = Math.max(Math.ceil(setupCode.length / sectorBytes), 5);
  const setup = Buffer.concat([setupCode, Buffer.alloc(sectors * sectorBytes - setupCode.length)]);
  const padding = Buffer.alloc((16 - (decompressor.length % 16)) % 16);
  setup.writeUInt8(sectors - 1, header.setupSectors);
  setup.writeUInt32LE((decompressor.length + padding.length) / 16, header.syssize);
  setup.writeUInt32LE(sizes.inputData, header.payloadOffset);
  setup.writeUInt32LE(sizes.compressedBytes, header.payloadLength);
  setup.writeUInt32LE(initSize(sizes), header.initSize);
  setup.writeUInt32LE(sizes.kernelInfo, header.kernelInfo);
  if (sizes.stub !== undefined && hasEfiHeader(setup)) describeStub(setup, sizes.stub);
  return Buffer.concat([setup, decompressor, padding]);
}

/** Room for the decompressor and what it unpacks, which overlap: the larger of the two needs. */
function initSize({ compressedBytes, kernelBytes, kernelMemoryBytes, end, headEnd }: Sizes): number {
  const extra = (kernelBytes >>> 8) + 131072;
  const extract = Math.max(kernelBytes - compressedBytes, 0) + extra;
  const minimum = Math.ceil(Math.max(extract, headEnd) / 4096) * 4096;
  return Math.max(end + minimum, kernelMemoryBytes);
}

/** From the lowest to the highest physical address of the kernel. */
function memorySpan(image: ElfFile): number {
  const loads = image.segments.filter((segment) => segment.type === PT.LOAD);
  const low = Math.min(...loads.map(({ paddr }) => Number(paddr)));
  const high = Math.max(...loads.map(({ paddr, memsz }) => Number(paddr) + memsz));
  return high - low;
}
