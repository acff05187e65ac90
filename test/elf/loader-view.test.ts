// SPDX-License-Identifier: MIT
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { parseElf } from "../../src/elf/file.js";
import { type PartlyRead, parseLoaderView } from "../../src/elf/loader-view.js";
import { UklError } from "../../src/errors.js";
import { readPartly } from "../../src/host/files.js";
import { randomFrom } from "../support/random.js";
import { buildSamples, openWorkshop } from "./toolchain.js";

const workshop = openWorkshop();
beforeAll(() => buildSamples(workshop));

function partly(whole: Uint8Array): { file: PartlyRead; loadedBytes: () => number } {
  const bytes = Buffer.alloc(whole.length);
  let loadedBytes = 0;
  const load = (offset: number, sizeBytes: number) => {
    const part = whole.subarray(offset, offset + sizeBytes);
    bytes.set(part, offset);
    loadedBytes += part.length;
  };
  return { file: { bytes, load }, loadedBytes: () => loadedBytes };
}

describe.each(["static", "static-pie", "dynamic", "shared-library"])("%s", (name) => {
  test("has the segments and notes of the whole file, and is hardly read", () => {
    const whole = parseElf(workshop.read(name), name);
    const { file, loadedBytes } = partly(workshop.read(name));
    const view = parseLoaderView(file, name);
    expect(view.segments).toEqual(whole.segments);
    expect(view.notes.map(({ owner }) => owner)).toContain("GNU");
    expect(whole.notes).toEqual(expect.arrayContaining([...view.notes]));
    expect(view.sections).toEqual([]);
    expect(loadedBytes()).toBeLessThan(2048);
  });
});

test("of what is damaged there is an UklError, or none", () => {
  const random = randomFrom(20261122);
  const original = workshop.read("dynamic");
  let refused = 0;
  for (let round = 0; round < 2000; round++) {
    const bytes = Buffer.from(original);
    for (let damage = 0; damage < 4; damage++) bytes[random(1024)] = random(256);
    const size = random(5) === 0 ? random(128) : bytes.length;
    try {
      expect(parseLoaderView(partly(bytes.subarray(0, size)).file, "damaged").notes).toBeInstanceOf(Array);
    } catch (error) {
      expect(error).toBeInstanceOf(UklError);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(40);
});

test("of a file on the disk each part comes to its place", () => {
  const path = process.execPath;
  const whole = Buffer.alloc(64);
  const handle = openSync(path, "r");
  readSync(handle, whole, 0, 64, 0);
  closeSync(handle);
  readPartly(path, ({ bytes, load }) => {
    expect(bytes.length).toBe(statSync(path).size);
    load(16, 48);
    expect(bytes.subarray(0, 16)).toEqual(Buffer.alloc(16));
    expect(bytes.subarray(16, 64)).toEqual(whole.subarray(16));
    load(bytes.length - 1, 100);
    load(Number.MAX_SAFE_INTEGER, 100);
  });
});

test("a file that is missing, or a directory, cannot be read", () => {
  expect(() => readPartly("/nowhere", () => 0)).toThrow(expect.objectContaining({ code: "UKL-201" }));
  expect(() => readPartly("/usr", ({ load }) => load(0, 1))).toThrow(
    expect.objectContaining({ code: "UKL-201" }),
  );
});
