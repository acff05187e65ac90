// SPDX-License-Identifier: MIT
/** No boot is lost: the kernel's timer calibration against emulated hardware is what used to hang. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bootImage, buildImage } from "../support/harness.js";
import { testLimit } from "../support/patience.js";

const hello = fileURLToPath(new URL("../../fixtures/hello/hello.c", import.meta.url));
const boots = 200;
const atOnce = 2;
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-reliability-"));
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

test(`${boots} boots in a row, none lost`, { timeout: testLimit(900_000) }, async () => {
  const imagePath = join(scratch, "hello.elf");
  await buildImage({ inputs: [hello] }, imagePath);
  let done = 0;
  const bootInTurn = async (): Promise<void> => {
    while (done < boots) {
      done += 1;
      const { exitStatus, output } = await bootImage({ imagePath }, 30_000);
      expect({ exitStatus, output }).toEqual({
        exitStatus: 0,
        output: expect.stringContaining("Hello, world\n"),
      });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, bootInTurn));
  expect(done).toBe(boots);
});
