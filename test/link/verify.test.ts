// SPDX-License-Identifier: MIT
/** An image that keeps all promises, and then each promise broken once. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { PF } from "../../src/elf/constants.js";
import { parseElf } from "../../src/elf/file.js";
import { packageFile } from "../../src/host/places.js";
import type { Payload, PlacedSegment } from "../../src/link/payload.js";
import { renderScript } from "../../src/link/script.js";
import { type Promised, verifyImage } from "../../src/link/verify.js";
import { manifestNote } from "../../src/manifest.js";
import { kernelScript, linkSmallImage, openProgramShop } from "./programs.js";

const workshop = openProgramShop();
const manifest = '{"name":"test"}';
const applicationScript = readFileSync(packageFile("linker-scripts", "application.lds"), "utf8");
/** Of the small kernel: right behind a one-byte instruction at the start of its text. */
const kernelSymbols = new Map([["kernel_symbol", 0xffffffff81000001n]]);

function linked(payload: Payload): Buffer {
  const { segments, fileBytes } = payload;
  const script = renderScript({ kernelScript, applicationScript, segments, fileBytes });
  return linkSmallImage(workshop, payload, script, "image");
}

const application = workshop.program("tls-4096");
const payload = workshop.payload(application, manifest);
const good = linked(payload);
const promised: Promised = { payload, application, manifest, kernelSymbols };

const data = payload.segments.find(({ flags }) => (flags & PF.W) !== 0);
const code = payload.segments.find(({ flags }) => (flags & PF.X) !== 0);
if (data === undefined || code === undefined) throw new Error("the program has no data or no code");

/** Offset of the program header of a PT_LOAD at an address (gABI: p_vaddr is 16 bytes into it). */
function programHeaderAt(image: Buffer, vaddr: bigint): number {
  const start = Number(image.readBigUInt64LE(32));
  for (let index = 0; index < image.readUInt16LE(56); index++) {
    const at = start + 56 * index;
    if (image.readUInt32LE(at) === 1 && image.readBigUInt64LE(at + 16) === vaddr) return at;
  }
  throw new Error("no such PT_LOAD");
}

function noteOffset(owner: string): number {
  const note = parseElf(good, "image").notes.find((candidate) => candidate.owner === owner);
  if (note === undefined) throw new Error(`no note of ${owner}`);
  return note.offset;
}

/** The cause of UKL-502 after the image was changed, or other things were promised. */
function causeAfter(change: (image: Buffer) => void, other: Partial<Promised> = {}): unknown {
  const image = Buffer.from(good);
  change(image);
  try {
    verifyImage(image, "image", { ...promised, ...other });
  } catch (error) {
    expect(error).toMatchObject({ code: "UKL-502" });
    return (error as { detail: { cause: string } }).detail.cause;
  }
  return "it passed";
}

const nothing = () => undefined;
const at = (segment: PlacedSegment) => `0x${segment.vaddr.toString(16)}`;

function promising(segment: PlacedSegment, changes: Partial<PlacedSegment>): Partial<Promised> {
  const segments = payload.segments.map((placed) =>
    placed === segment ? { ...placed, ...changes } : placed,
  );
  return { payload: { ...payload, segments } };
}

test.each(["static", "static-pie", "no-separate-code", "tls-4096", "tbss-only", "libc"])(
  "an image of a %s program passes as it was linked",
  (name) => {
    const program = workshop.program(name);
    const laidOut = workshop.payload(program, manifest);
    const image = linked(laidOut);
    const asked = { payload: laidOut, application: program, manifest, kernelSymbols };
    expect(() => verifyImage(image, "image", asked)).not.toThrow();
  },
);

describe("UKL-502 names", () => {
  test("a file that is not an executable", () => {
    expect(causeAfter((image) => image.writeUInt16LE(3, 16))).toBe("it is not an executable file");
  });

  test("the missing PVH entry", () => {
    expect(causeAfter((image) => image.writeUInt32LE(17, noteOffset("Xen") + 8))).toBe(
      "it has no PVH entry note",
    );
  });

  test("a missing manifest", () => {
    const cause = causeAfter((image) => image.writeUInt32LE(1, noteOffset(manifestNote.name) + 8));
    expect(cause).toBe("it has 0 manifest notes");
  });

  test("a second manifest", () => {
    const sections = payload.sections.map((section) =>
      section.name === ".ukl.note"
        ? { ...section, data: Buffer.concat([section.data, section.data]) }
        : section,
    );
    const twice = linked({ ...payload, sections });
    expect(causeAfter((image) => twice.copy(image))).toBe("it has 2 manifest notes");
  });

  test("another manifest", () => {
    expect(causeAfter(nothing, { manifest: '{"name":"other"}' })).toBe("its manifest is another one");
  });

  test("a segment that is not at its address", () => {
    const elsewhere = { ...data, vaddr: data.vaddr + 0x100000n };
    expect(causeAfter(nothing, promising(data, elsewhere))).toBe(
      `the application's segment at ${at(elsewhere)} is missing`,
    );
  });

  test("a segment with other permissions", () => {
    const cause = causeAfter((image) => image.writeUInt32LE(PF.R, programHeaderAt(image, data.vaddr) + 4));
    expect(cause).toBe(`the application's segment at ${at(data)} has other permissions`);
  });

  test.each([
    ["file", 32],
    ["memory", 40],
  ])("a segment of another size in the %s", (_, field) => {
    const cause = causeAfter((image) => {
      const header = programHeaderAt(image, data.vaddr);
      // The size in memory may not be below that in the file, so one shrinks and the other grows.
      const change = field === 32 ? -1 : 1;
      image.writeBigUInt64LE(BigInt(data.sizeBytes + change), header + field);
    });
    expect(cause).toBe(`the application's segment at ${at(data)} has another size`);
  });

  test("a single changed byte of the program", () => {
    const cause = causeAfter((image) => {
      const offset = Number(image.readBigUInt64LE(programHeaderAt(image, code.vaddr) + 8));
      image.writeUInt8(image.readUInt8(offset) ^ 1, offset);
    });
    expect(cause).toBe(`the application's segment at ${at(code)} has other bytes`);
  });

  test("a segment that is none of the program's", () => {
    const cause = causeAfter(nothing, promising(code, { fileOffset: code.fileOffset + 16 }));
    expect(cause).toBe(`the application's segment at ${at(code)} is none of the application's`);
  });

  test("a gap in the archive, which is contiguous in physical memory", () => {
    const cause = causeAfter((image) => {
      const header = programHeaderAt(image, data.vaddr);
      image.writeBigUInt64LE(image.readBigUInt64LE(header + 24) + 4096n, header + 24);
    });
    expect(cause).toBe(`the application's segment at ${at(data)} leaves a gap in the archive`);
  });

  test.each([
    ["at another address", "kernel_symbol"],
    ["that is not there", "no_such_symbol"],
  ])("a kernel symbol %s", (_, name) => {
    const cause = causeAfter(nothing, { kernelSymbols: new Map([[name, 0xffffffff81000000n]]) });
    expect(cause).toBe(`the kernel symbol ${name} is not where the application expects it`);
  });
});
