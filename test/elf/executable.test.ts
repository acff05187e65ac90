// SPDX-License-Identifier: MIT
/** What Linux executes and what it refuses; this host's kernel and loader are the reference. */
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { makeBases } from "../../scripts/elf-variants/bases.js";
import { executeHere } from "../../scripts/elf-variants/host.js";
import { variantOf } from "../../scripts/elf-variants/variant.js";
import { checkExecutable } from "../../src/elf/executable.js";
import { type ElfFile, parseElf } from "../../src/elf/file.js";
import { UklError } from "../../src/errors.js";
import { inspect } from "../../src/inspect/inspect.js";
import { buildSamples, openWorkshop } from "./toolchain.js";

const workshop = openWorkshop();
let bases: ReturnType<typeof makeBases>;
beforeAll(() => {
  buildSamples(workshop);
  bases = makeBases(workshop.directory);
});

/** The error, if it is refused. */
function refusal(bytes: Uint8Array): UklError | undefined {
  try {
    checkExecutable(parseElf(bytes, "input"));
    return undefined;
  } catch (error) {
    if (error instanceof UklError) return error;
    throw error;
  }
}

test("what runs here is inspected, and what this kernel refuses is refused", async () => {
  const variants = Array.from({ length: 150 }, (_, index) => variantOf(bases, 20261130, index));
  const here = executeHere(
    variants.map(({ bytes }) => bytes),
    workshop.directory,
  );
  const outcomes = here.map(({ outcome }) => outcome);
  expect(outcomes.filter((outcome) => outcome === "runs").length).toBeGreaterThan(50);
  expect(outcomes).toContain("refused");
  const wrong: unknown[] = [];
  for (const [index, { name, bytes, changes }] of variants.entries()) {
    const cause = refusal(bytes)?.detail.cause;
    if (outcomes[index] === "runs" && cause !== undefined) wrong.push([name, changes, cause]);
    if (outcomes[index] === "refused" && cause === undefined) wrong.push([name, changes, "taken"]);
    if (outcomes[index] !== "runs") continue;
    workshop.write(name, bytes);
    await inspect({ path: join(workshop.directory, name), mode: "precise" }).catch((error) => {
      wrong.push([name, changes, String(error)]);
    });
  }
  expect(wrong).toEqual([]);
});

describe("refused with Linux's reason", () => {
  const headerOf = (name: string, type: number, nth = 0) => {
    const bytes = workshop.read(name);
    const headers = [...Array(bytes.readUInt16LE(56)).keys()].map((index) => 64 + 56 * index);
    return headers.filter((at) => bytes.readUInt32LE(at) === type)[nth] ?? Number.NaN;
  };
  const changed = (name: string, size: 2 | 8, at: number, value: bigint) => {
    const bytes = workshop.read(name);
    if (size === 2) bytes.writeUInt16LE(Number(value), at);
    else bytes.writeBigUInt64LE(value, at);
    return bytes;
  };
  const [LOAD, INTERP] = [1, 3];

  test.each<[string, string, RegExp, () => Buffer]>([
    ["no program headers", "UKL-208", /0 program headers.*ENOEXEC/, () => changed("static", 2, 56, 0n)],
    [
      "2000 program headers",
      "UKL-208",
      /2000 program headers.*ENOEXEC/,
      () => changed("static", 2, 56, 2000n),
    ],
    [
      "an interpreter of one byte",
      "UKL-208",
      /PT_INTERP has 1 bytes.*ENOEXEC/,
      () => changed("dynamic", 8, headerOf("dynamic", INTERP) + 32, 1n),
    ],
    [
      "an interpreter without an end",
      "UKL-208",
      /last byte is not NUL.*ENOEXEC/,
      () => changed("dynamic", 8, headerOf("dynamic", INTERP) + 32, 5n),
    ],
    [
      "an interpreter behind the end of the file",
      "UKL-206",
      /PT_INTERP.*EIO/,
      () => changed("dynamic", 8, headerOf("dynamic", INTERP) + 8, 1n << 30n),
    ],
  ])("%s", (_, code, cause, make) => {
    const bytes = make();
    expect(refusal(bytes)).toMatchObject({ code, detail: { cause: expect.stringMatching(cause) } });
    expect(executeHere([bytes], workshop.directory)).toEqual([{ outcome: "refused", status: 126 }]);
  });

  const sigsegv = 139;
  test.each<[string, string, RegExp, () => Buffer]>([
    [
      "more bytes than memory",
      "UKL-208",
      /above p_memsz.*EINVAL/,
      () => changed("static", 8, headerOf("static", LOAD) + 40, 1n),
    ],
    [
      "an address that differs from the offset in the page",
      "UKL-208",
      /differ modulo 4096.*EINVAL/,
      () => changed("static", 8, headerOf("static", LOAD) + 16, 0x400010n),
    ],
    [
      "a segment over the end of the address space",
      "UKL-208",
      /address space.*EINVAL/,
      () => changed("static", 8, headerOf("static", LOAD) + 40, 1n << 60n),
    ],
    [
      "data whose last page is behind the end of the file",
      "UKL-206",
      /EFAULT/,
      () => workshop.read("static").subarray(0, 0x2000),
    ],
  ])("after execve(2) could still fail: %s", (_, code, cause, make) => {
    const bytes = make();
    expect(refusal(bytes)).toMatchObject({ code, detail: { cause: expect.stringMatching(cause) } });
    expect(executeHere([bytes], workshop.directory)).toEqual([{ outcome: "fails", status: sigsegv }]);
  });
});

test("a debug file is called one", () => {
  workshop.run("gcc", "-g", "-o", "with-debug", "sample.c");
  workshop.run("objcopy", "--only-keep-debug", "with-debug", "only.debug");
  expect(refusal(workshop.read("only.debug"))).toMatchObject({
    code: "UKL-210",
    detail: { cause: expect.stringContaining("debug file") },
  });
  expect(refusal(workshop.read("with-debug"))).toBeUndefined();
});

describe("memory as Linux maps it", () => {
  const page = 4096;
  const [execute, write, read] = [1, 2, 4];

  /** A file of pages that hold their number, with PT_LOADs of [flags, offset, address, bytes, memory] each. */
  function mapped(...loads: readonly (readonly [number, number, number, number, number])[]): ElfFile {
    const bytes = Buffer.alloc(8 * page);
    for (let index = 0; index < 8; index++) bytes.fill(index, index * page, (index + 1) * page);
    workshop.read("static").copy(bytes, 0, 0, 64);
    bytes.writeBigUInt64LE(0x400000n, 24);
    bytes.writeBigUInt64LE(0n, 40);
    bytes.writeUInt16LE(loads.length, 56);
    for (const [index, [flags, offset, vaddr, filesz, memsz]] of loads.entries()) {
      const at = 64 + 56 * index;
      bytes.writeUInt32LE(1, at);
      bytes.writeUInt32LE(flags, at + 4);
      for (const [field, value] of [offset, vaddr, vaddr, filesz, memsz, page].entries()) {
        bytes.writeBigUInt64LE(BigInt(value), at + 8 + 8 * field);
      }
    }
    return parseElf(bytes, "mapped");
  }

  const at = (elf: ElfFile, address: number) => elf.bytesAt(BigInt(address), 1)?.[0];

  test("a later segment takes the pages of an earlier one", () => {
    const elf = mapped([read, page, 0x400000, 3 * page, 3 * page], [read, 5 * page, 0x401000, page, page]);
    expect([0x400fff, 0x401000, 0x401fff, 0x402000].map((address) => at(elf, address))).toEqual([1, 5, 5, 3]);
  });

  test("what is zero takes them too", () => {
    const elf = mapped(
      [read, page, 0x400000, 3 * page, 3 * page],
      [read | write, 5 * page, 0x401000, 16, page],
    );
    expect(at(elf, 0x40100f)).toBe(5);
    expect(at(elf, 0x401010)).toBeUndefined();
    expect([...(elf.memoryAt(0x40100fn, 3) ?? [])]).toEqual([5, 0, 0]);
    expect(at(elf, 0x402000)).toBe(3);
  });

  test("bytes over two segments that meet are one run, whether or not they meet in the file", () => {
    for (const second of [2 * page, 5 * page]) {
      const elf = mapped([read, page, 0x400000, page, page], [read, second, 0x401000, page, page]);
      expect([...(elf.bytesAt(0x400fffn, 2) ?? [])]).toEqual([1, second / page]);
      expect(elf.bytesFrom(0x400ff0n)?.length).toBe(16 + page);
    }
  });

  test("the rest of a page is there for who asks for it", () => {
    const elf = mapped([read, page, 0x400000, 16, 16], [read, 3 * page, 0x402000, page, page]);
    expect(elf.loads[0]?.filesz).toBe(16);
    expect([at(elf, 0x400010), at(elf, 0x400fff), at(elf, 0x401000)]).toEqual([1, 1, undefined]);
  });

  test("a program that begins in the rest of a page is code there", () => {
    const elf = mapped([read | execute, page, 0x400800 & ~0xfff, 16, 16]);
    expect(elf.loads[0]?.filesz).toBe(16);
    const bytes = Buffer.from(elf.bytes);
    bytes.writeBigUInt64LE(0x400100n, 24);
    const moved = parseElf(bytes, "mapped");
    expect([moved.loads[0]?.filesz, at(moved, 0x400100)]).toEqual([page, 1]);
  });
});
