// SPDX-License-Identifier: MIT
/**
 * The header by which UEFI starts a bzImage of a kernel with CONFIG_EFI_STUB: it is that of a PE file
 * (arch/x86/boot/header.S), and describes the decompressor that the kernel was built with. Ours is another one.
 *
 * Fields: Microsoft, "PE Format", "Optional Header (Image Only)" and "Section Table".
 */
import { bug } from "../errors.js";

/** Addresses from the start of the decompressor. */
export interface StubAddresses {
  /** Its data, behind its code. */
  readonly data: number;
  readonly dataEnd: number;
  readonly end: number;
  readonly efiEntry: number;
  /** Of loaders that do not know PE files (CONFIG_EFI_HANDOVER_PROTOCOL). */
  readonly handoverEntry?: number | undefined;
  /** Of a firmware with 32 bits (CONFIG_EFI_MIXED). */
  readonly efi32Entry?: number | undefined;
}

const mz = { magic: "MZ", peOffset: 0x3c } as const;
const pe = { magic: "PE\0\0", sectionCount: 6, optionalHeaderBytes: 20, optionalHeader: 24 } as const;
const optional = { codeBytes: 4, dataBytes: 8, entry: 16, imageBytes: 56 } as const;
const section = { bytes: 40, virtualBytes: 8, address: 12, rawBytes: 16, rawOffset: 20 } as const;
/** Boot protocol: how far behind the 32-bit entry a loader finds the 64-bit one, less 0x200. */
const handoverOffset = 0x264;
/** Of `.compat`, behind a version, a size and a machine. */
const compatEntry = 4;

/** Whether the kernel's setup code is that of a PE file. */
export function hasEfiHeader(setup: Buffer): boolean {
  if (setup.length < mz.peOffset + 4 || setup.toString("latin1", 0, 2) !== mz.magic) return false;
  const at = setup.readUInt32LE(mz.peOffset);
  return at + pe.optionalHeader <= setup.length && setup.toString("latin1", at, at + 4) === pe.magic;
}

/** Writes into `setup`, behind which the decompressor begins, where that has what. */
export function describeStub(setup: Buffer, stub: StubAddresses): void {
  const at = setup.readUInt32LE(mz.peOffset);
  const header = at + pe.optionalHeader;
  const put = (offset: number, value: number) => setup.writeUInt32LE(value, header + offset);
  put(optional.codeBytes, stub.data);
  put(optional.dataBytes, stub.end - stub.data);
  put(optional.entry, setup.length + stub.efiEntry);
  put(optional.imageBytes, setup.length + stub.end);
  if (stub.handoverEntry !== undefined) setup.writeUInt32LE(stub.handoverEntry - 0x200, handoverOffset);
  const sections = sectionHeaders(setup, at);
  describeSection(setup, sections, ".text", { address: 0, bytes: stub.data, rawBytes: stub.data });
  describeSection(setup, sections, ".data", {
    address: stub.data,
    bytes: stub.end - stub.data,
    rawBytes: stub.dataEnd - stub.data,
  });
  const compat = sections.get(".compat");
  if (compat === undefined || stub.efi32Entry === undefined) return;
  const place = setup.readUInt32LE(compat + section.rawOffset);
  setup.writeUInt32LE(setup.length + stub.efi32Entry, place + compatEntry);
}

/** By name, where each is. */
function sectionHeaders(setup: Buffer, at: number): ReadonlyMap<string, number> {
  const count = setup.readUInt16LE(at + pe.sectionCount);
  const first = at + pe.optionalHeader + setup.readUInt16LE(at + pe.optionalHeaderBytes);
  const places = Array.from({ length: count }, (_, index) => first + index * section.bytes);
  return new Map(
    places.map((place) => [setup.toString("latin1", place, place + 8).replace(/\0+$/, ""), place]),
  );
}

function describeSection(
  setup: Buffer,
  sections: ReadonlyMap<string, number>,
  name: string,
  {
    address,
    bytes,
    rawBytes,
  }: { readonly address: number; readonly bytes: number; readonly rawBytes: number },
): void {
  const place = sections.get(name);
  if (place === undefined)
    throw bug("the kernel's EFI header is not as expected", `it has no section ${name}`);
  setup.writeUInt32LE(bytes, place + section.virtualBytes);
  setup.writeUInt32LE(setup.length + address, place + section.address);
  setup.writeUInt32LE(rawBytes, place + section.rawBytes);
  setup.writeUInt32LE(setup.length + address, place + section.rawOffset);
}
