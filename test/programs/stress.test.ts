// SPDX-License-Identifier: MIT
/** Every stressor of stress-ng that is not destructive by nature gives the same verdict in both rings. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootImage, buildImage, type Mode, modes } from "../support/harness.js";
import { testLimit } from "../support/patience.js";
import { client, expectRow, file, record } from "../support/programs.js";

const timeoutMs = 1_500_000;
/** stress-ng 0.15: EXIT_SUCCESS, EXIT_FAILURE, EXIT_NOT_SUCCESS, EXIT_NO_RESOURCE, EXIT_NOT_IMPLEMENTED. */
const [success, notImplemented] = [0, 4];
const described = { name: "stress-ng", workload: "every stressor that is not destructive, two instances" };
const scratch = await mkdtemp(join(tmpdir(), "ukl-stress-"));
afterAll(() => rm(scratch, { recursive: true, force: true }));

const leftOut = readFileSync(file("stressors-left-out.txt"), "utf8")
  .split("\n")
  .map((line) => line.split(" ")[0]);
let stressors: readonly string[];
const verdicts = new Map<Mode, ReadonlyMap<string, number>>();

describe(described.name, () => {
  beforeAll(async () => {
    for (const mode of modes) expectRow(described, mode);
    const known = (await client("stress-ng", "--stressors")).trim().split(/\s+/);
    stressors = known.filter((name) => !leftOut.includes(name));
  });

  test.each(modes)(
    "%s: no word of the kernel, and most stressors succeed",
    {
      timeout: testLimit(timeoutMs),
    },
    async (mode) => {
      record(described, mode);
      const found = await tryStressors(mode, stressors);
      verdicts.set(mode, found);
      expect([...found.keys()]).toEqual(stressors);
      expect([...found.values()].every((status) => status >= success && status <= notImplemented)).toBe(true);
      const passed = [...found.values()].filter((status) => status === success);
      expect(passed.length).toBeGreaterThan(0.9 * stressors.length);
    },
  );

  test("both modes agree", { timeout: testLimit(timeoutMs) }, async () => {
    const different = () =>
      stressors.filter((name) => verdicts.get("unikernel")?.get(name) !== verdicts.get("classic")?.get(name));
    // A second may be too short for a stressor on a busy machine.
    for (let tries = 0; tries < 3 && different().length > 0; tries++) {
      const names = different();
      for (const mode of modes) {
        verdicts.set(mode, new Map([...(verdicts.get(mode) ?? []), ...(await tryStressors(mode, names))]));
      }
    }
    expect(different()).toEqual([]);
  });
});

async function tryStressors(mode: Mode, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const [program, script] = ["/usr/bin/stress-ng", file("stressors.sh")];
  const imagePath = join(scratch, `${mode}.elf`);
  // Some take all that they can fill in a second, and a fast machine fills more than 1 GiB.
  const run = { memory: "4G" };
  await buildImage(
    {
      program: script,
      mode,
      ring0: { programs: [program] },
      files: { include: { [program]: program } },
      run,
    },
    imagePath,
  );
  const { output } = await bootImage({ imagePath, cpus: 2, args: names }, timeoutMs);
  const lines = output.trimEnd().split(/\r?\n/);
  expect(lines.filter((line) => !/^[a-z0-9-]+ \d+$/.test(line))).toEqual([]);
  return new Map(lines.map((line) => line.split(" ")).map(([name = "", status]) => [name, Number(status)]));
}
