// SPDX-License-Identifier: MIT
/** A special kernel has what a volume and a disk need when the configuration has them. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { expectClean } from "../support/attachments.js";
import { bootImage, buildImage, modes } from "../support/harness.js";
import { testLimit } from "../support/patience.js";

const source = fileURLToPath(new URL("../boot/volumes/files.c", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "ukl-attachments-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each(modes)("%s", (mode) => {
  test("writes to both", { timeout: testLimit(1_800_000) }, async () => {
    const imagePath = join(scratch, `${mode}.elf`);
    const disk = join(scratch, `${mode}.disk`);
    const attachments = {
      volumes: { "/host": { host: scratch, readOnly: false } },
      disks: { "/host/below": { file: disk, size: "16M" } },
    };
    const kernel = { base: "special" as const };
    const { kernelChoice } = await buildImage(
      { inputs: [source], mode, kernel, run: attachments },
      imagePath,
    );
    expect(kernelChoice.base).toBe("special");
    const write = (directory: string) =>
      bootImage({ imagePath, attachments, args: ["write", directory, mode, "text"] }, 50_000);
    expect((await write("/host")).output).toBe(`${mode}: done\n`);
    expect(readFileSync(join(scratch, mode), "utf8")).toBe("text");
    expect((await write("/host/below")).output).toBe(`${mode}: done\n`);
    expectClean(disk);
  });
});
