// SPDX-License-Identifier: MIT
/** Field offsets, sizes and meanings are those of Documentation/arch/x86/boot.rst. */
import { describe, expect, test } from "vitest";
import { assemble } from "../../src/link/bzimage.js";

/** A setup part of this size with the header's magic and every other byte 0xaa. */
function setupOf(sizeBytes: number): Buffer {
  const setup = Buffer.alloc(sizeBytes, 0xaa);
  setup.write("HdrS", 0x202, "latin1");
  return setup;
}

const sizes = {
  inputData: 0x2f0,
  kernelInfo: 0x1234,
  end: 0x30_0000,
  headEnd: 0x2e0,
  compressedBytes: 1_000_000,
  kernelBytes: 4_000_000,
  kernelMemoryBytes: 0x50_0000,
};
const decompressor = Buffer.from(Array.from({ length: 5003 }, (_, index) => index & 0xff));

describe("the setup part", () => {
  test.each([
    [1024, 4],
    [2560, 4],
    [2561, 5],
    [17 * 512, 16],
    [17 * 512 + 1, 17],
  ])("of %i bytes fills setup_sects (0x1f1) = %i sectors behind the boot sector", (sizeBytes, sectors) => {
    const file = assemble(setupOf(sizeBytes), decompressor, sizes);
    expect(file.readUInt8(0x1f1)).toBe(sectors);
    // The protected-mode code is at (setup_sects + 1) * 512.
    const start = (sectors + 1) * 512;
    expect(file.subarray(start, start + decompressor.length).equals(decompressor)).toBe(true);
  });

  test("keeps every byte that is not one of the fields that describe the payload", () => {
    const file = assemble(setupOf(4096), decompressor, sizes);
    const fields: readonly (readonly [offset: number, sizeBytes: number])[] = [
      [0x1f1, 1],
      [0x1f4, 4],
      [0x248, 4],
      [0x24c, 4],
      [0x260, 4],
      [0x268, 4],
    ];
    const isField = (at: number) => fields.some(([offset, size]) => at >= offset && at < offset + size);
    const changed = [...setupOf(4096).entries()].filter(([at, byte]) => file[at] !== byte).map(([at]) => at);
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.every(isField)).toBe(true);
  });

  test("without the boot protocol's magic is a bug of ours", () => {
    const error = expect.objectContaining({ code: "UKL-901" });
    expect(() => assemble(Buffer.alloc(4096), decompressor, sizes)).toThrow(error);
    expect(() => assemble(Buffer.alloc(100), decompressor, sizes)).toThrow(error);
  });
});

describe("the header", () => {
  test("gives the size of the protected-mode code in paragraphs of 16 bytes (syssize, 0x1f4)", () => {
    const file = assemble(setupOf(4096), decompressor, sizes);
    expect(file.readUInt32LE(0x1f4) * 16).toBe(file.length - 4096);
    expect(file.length - 4096).toBe(5008);
  });

  test("says where the compressed kernel is and how long (payload_offset 0x248, payload_length 0x24c)", () => {
    const file = assemble(setupOf(4096), decompressor, sizes);
    expect(file.readUInt32LE(0x248)).toBe(0x2f0);
    expect(file.readUInt32LE(0x24c)).toBe(1_000_000);
  });

  test("says where kernel_info is (kernel_info_offset, 0x268)", () => {
    expect(assemble(setupOf(4096), decompressor, sizes).readUInt32LE(0x268)).toBe(0x1234);
  });

  test("leaves room for the decompressor and what it unpacks (init_size, 0x260)", () => {
    // header.S: _end plus, in whole pages, what the output is longer than the input by, 1/256 of it and 128 KiB.
    const apart = 3_000_000 + Math.floor(4_000_000 / 256) + 128 * 1024;
    const expected = 0x30_0000 + Math.ceil(apart / 4096) * 4096;
    expect(assemble(setupOf(4096), decompressor, sizes).readUInt32LE(0x260)).toBe(expected);
  });

  test("leaves room for the kernel in memory where that is more", () => {
    const large = { ...sizes, kernelMemoryBytes: 0x4000_0000 };
    expect(assemble(setupOf(4096), decompressor, large).readUInt32LE(0x260)).toBe(0x4000_0000);
  });

  test("never lets the output run over the decompressor's own head", () => {
    const small = { ...sizes, kernelBytes: 1000, compressedBytes: 2000, kernelMemoryBytes: 0 };
    const tall = { ...small, headEnd: 0x10_0001 };
    expect(assemble(setupOf(4096), decompressor, tall).readUInt32LE(0x260)).toBe(0x30_0000 + 0x10_1000);
  });
});
