// SPDX-License-Identifier: MIT
/**
 * Shortcuts have the results of the system calls whose place they take: of a program that reads, writes and waits in
 * the ways that a shortcut answers and in those that it has to pass on.
 */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readManifest } from "../../src/image.js";
import { shortcutCalls } from "../../src/stubs/render.js";
import { bootImage, buildImage } from "../support/harness.js";
import { testLimit } from "../support/patience.js";

const source = fileURLToPath(new URL("shortcuts.c", import.meta.url));
const pushedSource = fileURLToPath(new URL("pushed-calls.c", import.meta.url));
const timeout = testLimit(240_000);
let scratch: string;
let expected: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-shortcuts-"));
  const program = join(scratch, "shortcuts");
  execFileSync("gcc", ["-O2", "-w", "-pthread", "-o", program, source]);
  expected = execFileSync(program, { encoding: "utf8" });
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

interface Options {
  readonly mode?: "classic";
  readonly shortcuts?: boolean;
}

async function build(options: Options, inputs: readonly string[] = [source]): Promise<string> {
  const imagePath = join(scratch, `${JSON.stringify(options)}-${inputs.length}.elf`);
  const program = { inputs: [...inputs], compileFlags: ["-O2", "-w"], linkFlags: ["-pthread"] };
  await buildImage({ ...program, kernel: { base: "generic" }, ...options }, imagePath);
  return imagePath;
}

describe("in ring 0", () => {
  test.each([1, 2])("with shortcuts and %d CPUs", { timeout }, async (cpus) => {
    const imagePath = await build({ shortcuts: true });
    const { sites } = (await readManifest(imagePath)) ?? {};
    expect(new Set(sites?.shortcuts)).toEqual(shortcutCalls);
    expect(await outcome({ imagePath, cpus })).toEqual({ exitStatus: 0, output: expected });
  });

  test("for calls whose number is on the stack", { timeout }, async () => {
    const imagePath = await build({ shortcuts: true }, [source, pushedSource]);
    const { sites } = (await readManifest(imagePath)) ?? {};
    expect(new Set(sites?.shortcuts)).toEqual(shortcutCalls);
    expect(await outcome({ imagePath })).toEqual({ exitStatus: 0, output: expected });
    expect(await outcome({ imagePath, bootMode: "classic" })).toEqual({ exitStatus: 0, output: expected });
  });

  test("without", { timeout }, async () => {
    const imagePath = await build({});
    expect((await readManifest(imagePath))?.sites).not.toHaveProperty("shortcuts");
    expect(await outcome({ imagePath })).toEqual({ exitStatus: 0, output: expected });
  });
});

test("in ring 3, of an image with shortcuts and a classic one", { timeout }, async () => {
  const withShortcuts = { imagePath: await build({ shortcuts: true }), bootMode: "classic" as const };
  for (const machine of [withShortcuts, { imagePath: await build({ mode: "classic", shortcuts: true }) }]) {
    expect(await outcome({ ...machine, cpus: 2 })).toEqual({ exitStatus: 0, output: expected });
  }
});

async function outcome(machine: { imagePath: string; cpus?: number; bootMode?: "classic" }) {
  const { exitStatus, output } = await bootImage(machine, 90_000);
  return { exitStatus, output };
}
