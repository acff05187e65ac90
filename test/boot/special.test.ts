// SPDX-License-Identifier: MIT
/** A program in the kernel that is chosen for it, with the mask of its own: the short form of test/kernels/. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diskAt } from "../support/attachments.js";
import { bootImage, buildImage, modes } from "../support/harness.js";
import { testLimit } from "../support/patience.js";

const source = fileURLToPath(new URL("../../fixtures/memory-brk/memory-brk.c", import.meta.url));
let scratch: string;
let program: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-special-"));
  program = join(scratch, "memory-brk");
  execFileSync("gcc", ["-static", "-O2", "-o", program, source]);
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe.each(modes)("in %s mode", (mode) => {
  test("it does what it does on the host", { timeout: testLimit(900_000) }, async () => {
    const imagePath = join(scratch, `${mode}.elf`);
    const kernel = { base: "special" as const };
    const { kernelChoice } = await buildImage(
      { program, mode, kernel, mask: { default: "kill" } },
      imagePath,
    );
    expect(kernelChoice.base).toBe("special");
    const options = kernelChoice.options.map(({ option }) => option);
    expect(options).toContain("BINFMT_ELF");
    expect(options).not.toContain("NET");
    const { exitStatus, output, masked } = await bootImage({ imagePath }, 30_000);
    const host = spawnSync(program, { encoding: "latin1" });
    expect({ exitStatus, output, masked }).toEqual({
      exitStatus: host.status,
      output: host.stdout,
      masked: [],
    });
    // Nobody said that it would have several CPUs, and so it uses one.
    const notes: string[] = [];
    const onNote = (note: string) => void notes.push(note);
    expect(await bootImage({ imagePath, cpus: 2, onNote }, 30_000)).toMatchObject({ output });
    expect(notes).toEqual([expect.stringContaining("CONFIG_SMP")]);
    // Nobody said that it would have a disk, so its kernel has no driver for one.
    const attachments = diskAt("/data", join(scratch, "disk"));
    await expect(bootImage({ imagePath, attachments }, 30_000)).rejects.toMatchObject({
      code: "UKL-623",
      detail: { fix: expect.stringContaining("--disk") },
    });
    expect(existsSync(join(scratch, "disk"))).toBe(false);
  });
});
