// SPDX-License-Identifier: MIT
/**
 * System call sites that became calls: what a program sees of them is what it sees of the instructions. The program
 * of this test does the things that look at the frame of a call; it runs bound and unbound in ring 0, and in ring 3,
 * where the bound code makes the instructions' calls.
 */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readManifest } from "../../src/image.js";
import { bootImage, buildImage } from "../support/harness.js";
import { testLimit } from "../support/patience.js";

const source = fileURLToPath(new URL("bound-calls.c", import.meta.url));
const tracedSource = fileURLToPath(new URL("traced-calls.c", import.meta.url));
let scratch: string;
let expected: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-bind-"));
  const program = join(scratch, "bound-calls");
  execFileSync("gcc", ["-O2", "-pthread", "-o", program, source]);
  expected = execFileSync(program, { encoding: "utf8" });
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe.each(["static", "dynamic"] as const)("%s", (linkage) => {
  const build = async (
    name: string,
    options: { mode?: "classic"; bind?: boolean; shortcuts?: boolean },
  ): Promise<string> => {
    const imagePath = join(scratch, `${linkage}-${name}.elf`);
    const kernel = { base: "generic" as const };
    const program =
      linkage === "dynamic"
        ? { program: join(scratch, "bound-calls") }
        : { inputs: [source], compileFlags: ["-O2"], linkFlags: ["-pthread"] };
    await buildImage({ ...program, kernel, ...options }, imagePath);
    return imagePath;
  };

  const kinds = { bound: {}, shortcuts: { shortcuts: true }, unbound: { bind: false } };
  test.each([1, 2])(
    "in ring 0 with %d CPUs, bound and not",
    { timeout: testLimit(360_000) },
    async (cpus) => {
      for (const [name, options] of Object.entries(kinds)) {
        const imagePath = await build(name, options);
        expect(((await readManifest(imagePath))?.sites?.bound ?? 0) > 40).toBe(name !== "unbound");
        const { exitStatus, output } = await bootImage({ imagePath, cpus }, 90_000);
        expect({ name, exitStatus, output }).toEqual({ name, exitStatus: 0, output: expected });
      }
    },
  );

  test("in ring 3, of a bound image and a classic one", { timeout: testLimit(240_000) }, async () => {
    const bound = await build("bound", {});
    const classic = await build("classic", { mode: "classic" });
    for (const machine of [{ imagePath: bound, bootMode: "classic" as const }, { imagePath: classic }]) {
      const { exitStatus, output } = await bootImage({ ...machine, cpus: 2 }, 90_000);
      expect({ exitStatus, output }).toEqual({ exitStatus: 0, output: expected });
    }
  });
});

test("a tracer and a filter see and change bound calls like instructions", {
  timeout: testLimit(240_000),
}, async () => {
  const program = join(scratch, "traced-calls");
  const flags = ["-O2", "-w"];
  execFileSync("gcc", [...flags, "-o", program, tracedSource]);
  const onHost = execFileSync(program, { encoding: "utf8" });
  expect(onHost).toContain("call 39 ends");
  for (const options of [{}, { shortcuts: true }, { bind: false }, { mode: "classic" as const }]) {
    const imagePath = join(scratch, "traced.elf");
    const kernel = { base: "generic" as const };
    await buildImage({ inputs: [tracedSource], compileFlags: flags, kernel, ...options }, imagePath);
    const { exitStatus, output } = await bootImage({ imagePath }, 90_000);
    expect({ options, exitStatus, output }).toEqual({ options, exitStatus: 0, output: onHost });
  }
});
