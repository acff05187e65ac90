// SPDX-License-Identifier: MIT
/**
 * Each option of kernel/config/needs.json gives what it is said to: a program that uses every facility finds all of
 * them in the kernel that is chosen for it, and none of them in one without those options.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readNeeds, tableOptions } from "../../src/specialise/needs.js";
import { bootImage, buildImage, type Mode, modes } from "../support/harness.js";
import { testLimit } from "../support/patience.js";

const source = fileURLToPath(new URL("kernel-options/probes.c", import.meta.url));
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-kernel-options-"));
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe.each(modes)("%s", (mode) => {
  test("with its options every facility is there", { timeout: testLimit(1_800_000) }, async () => {
    const found = await probe(mode, {});
    expect(found.filter((line) => !line.endsWith(" yes"))).toEqual([]);
    expect(found.length).toBeGreaterThan(50);
  });

  test("without its option no facility is there", { timeout: testLimit(1_800_000) }, async () => {
    const switches = [...tableOptions(await readNeeds())].filter(([, value]) => value === "y");
    const names = switches.map(([name]) => name).filter((name) => name !== "BINFMT_ELF");
    const found = await probe(mode, Object.fromEntries(names.map((name) => [`CONFIG_${name}`, "n"])));
    expect(found.filter((line) => !line.endsWith(" no"))).toEqual([]);
    expect(found.length).toBeGreaterThan(50);
  });
});

/** The lines of the program, booted with two CPUs. */
async function probe(mode: Mode, options: Record<`CONFIG_${string}`, string>): Promise<readonly string[]> {
  const output = join(scratch, `${mode}-${Object.keys(options).length}.elf`);
  const kernel = { base: "special" as const, options };
  await buildImage({ inputs: [source], compiler: "musl-gcc", mode, kernel, run: { cpus: 2 } }, output);
  const booted = await bootImage({ imagePath: output, cpus: 2 }, 50_000);
  expect(booted.exitStatus).toBe(0);
  return booted.output.trimEnd().split("\n");
}
