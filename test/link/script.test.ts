// SPDX-License-Identifier: MIT
/** Scripts are rendered for a small kernel and tried with ld. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { PT } from "../../src/elf/constants.js";
import { type ElfFile, parseElf } from "../../src/elf/file.js";
import { UklError } from "../../src/errors.js";
import { packageFile } from "../../src/host/places.js";
import { symbolAddresses } from "../../src/link/image.js";
import type { Payload } from "../../src/link/payload.js";
import { kernelMap, renderScript, type ScriptParts } from "../../src/link/script.js";
import { archiveOf, kernelScript, linkSmallImage, openProgramShop, programs } from "./programs.js";

const workshop = openProgramShop();
const applicationScript = readFileSync(packageFile("linker-scripts", "application.lds"), "utf8");

function render(payload: Payload, changes: Partial<ScriptParts> = {}): string {
  const { segments, fileBytes } = payload;
  return renderScript({ kernelScript, applicationScript, segments, fileBytes, ...changes });
}

/** What a boot loader has at a range of physical addresses once it has loaded the file. */
function physicalMemory(image: ElfFile, start: bigint, sizeBytes: number): Buffer {
  const memory = Buffer.alloc(sizeBytes, 0xee);
  for (const segment of image.segments.filter(({ type }) => type === PT.LOAD)) {
    const to = Number(segment.paddr - start);
    const bytes = Buffer.from(image.segmentBytes(segment));
    bytes.subarray(Math.max(0, -to)).copy(memory, Math.max(0, to));
  }
  return memory;
}

describe.each(Object.keys(programs))("an image of a %s program", (name) => {
  test("has the whole archive in memory, one byte behind the other, where the kernel looks for it", () => {
    const payload = workshop.payload(workshop.program(name));
    const image = parseElf(linkSmallImage(workshop, payload, render(payload), "image"), "image");
    const symbols = symbolAddresses(parseElf(image.bytes, "image"), ["__initramfs_start"]);
    const start = (symbols.get("__initramfs_start") ?? 0n) - kernelMap;
    expect(start % 4096n).toBe(0n);
    const archive = archiveOf(payload);
    expect(physicalMemory(image, start, archive.length).equals(archive)).toBe(true);
  });

  test("has the program's segments at their own addresses", () => {
    const payload = workshop.payload(workshop.program(name));
    linkSmallImage(workshop, payload, render(payload), "image");
    const lines = workshop.run("readelf", "-lW", "image").matchAll(/^ +LOAD +0x\w+ (0x\w+) /gm);
    const addresses = [...lines].map(([, address]) => BigInt(address ?? 0));
    expect(addresses).toEqual(expect.arrayContaining(payload.segments.map(({ vaddr }) => vaddr)));
  });
});

describe("the script", () => {
  const payload = workshop.payload(workshop.program("static"));

  test("has no hole left", () => {
    expect(applicationScript).toMatch(/@[A-Z_]+@/);
    expect(render(payload)).not.toMatch(/@\w+@/);
  });

  test("is the kernel's own but for the block, the archive's start and the program headers", () => {
    const kept = kernelScript.split("\n").filter((line) => !/__initramfs_start/.test(line));
    expect(render(payload).split("\n")).toEqual(expect.arrayContaining(kept));
    // The kernel's definition is gone; the block's is the only one.
    expect(render(payload).match(/__initramfs_start =/g)).toHaveLength(1);
  });

  test("is the same for the same program", () => {
    expect(render(payload)).toBe(render(workshop.payload(workshop.program("static"))));
  });
});

describe("UKL-901 tells what is unexpected:", () => {
  const payload = workshop.payload(workshop.program("static"));

  function causeOf(changes: Partial<ScriptParts>): string {
    try {
      render(payload, changes);
    } catch (error) {
      if (error instanceof UklError && error.code === "UKL-901") return error.detail.cause;
    }
    throw new Error("not refused as UKL-901");
  }

  test.each([
    ["the end of the init memory", ".init.end :", " .init.end :"],
    ["the archive's start", "__initramfs_start = .;", "__initramfs_start = .;"],
    ["the last program header", "note PT_NOTE FLAGS(0);", " note PT_NOTE FLAGS(0);"],
  ])("%s is missing, or there twice", (_, named, anchor) => {
    const missing = causeOf({ kernelScript: kernelScript.replace(anchor, " changed") });
    expect(missing).toContain(named);
    expect(missing).toContain("0 times");
    const doubled = causeOf({ kernelScript: kernelScript + kernelScript });
    expect(doubled).toContain("2 times");
  });

  test("a hole that nothing fills", () => {
    try {
      render(payload, { applicationScript: "@PAGE_BYTES@ @NEW_HOLE@" });
      throw new Error("not refused");
    } catch (error) {
      expect(error).toMatchObject({
        code: "UKL-901",
        detail: { what: expect.stringContaining("@NEW_HOLE@") },
      });
    }
  });
});
