// SPDX-License-Identifier: MIT
/**
 * Every fixture, in both modes, in a special kernel: nothing that it uses is gone.
 *
 * Each fixture has its own, and what the masks of these images leave out ends the program that misses it. A kernel
 * takes from half a minute on to build; with `UKL_KERNELS_PER_MODE=3` those whose options differ least are made one.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configurationSchema } from "../../src/config/schema.js";
import { cacheDirectory } from "../../src/host/places.js";
import { chooseImageKernel } from "../../src/image-kernel.js";
import { inspectIncluded } from "../../src/included.js";
import { inspectionCache } from "../../src/inspect/cache.js";
import { inspect } from "../../src/inspect/inspect.js";
import { readIncluded } from "../../src/rootfs/include.js";
import {
  buildHostReference,
  expectedOutcome,
  type Fixture,
  type HostReference,
  loadFixtures,
  runOnHost,
} from "../support/fixtures.js";
import { bootImage, buildFixture, modes } from "../support/harness.js";

const kernelsPerMode = Number(process.env["UKL_KERNELS_PER_MODE"] ?? 99);

interface Prepared {
  readonly reference: HostReference;
  readonly options: ReadonlySet<string>;
}

const scratch = await mkdtemp(join(tmpdir(), "ukl-special-"));
afterAll(() => rm(scratch, { recursive: true, force: true }));

const fixtures = loadFixtures();
const prepared = new Map<string, Prepared>();
for (const fixture of fixtures) prepared.set(fixture.name, await prepare(fixture));
const kernels = merge([...prepared.values()].map(({ options }) => options));
// Side by side in the order of their size, a kernel is made of most of the objects of the one before.
const ordered = [...fixtures].sort((left, right) => kernelOf(left).size - kernelOf(right).size);

describe.each(modes)("%s", (mode) => {
  describe.each(ordered.map((fixture) => [fixture.name, fixture] as const))("%s", (_name, fixture) => {
    let imagePath: string;

    beforeAll(async () => {
      const { reference } = prepared.get(fixture.name) as Prepared;
      const options = Object.fromEntries([...kernelOf(fixture)].map((line) => line.split("=")));
      imagePath = await buildFixture(fixture, reference, mode, scratch, { base: "special", options });
    }, 1_800_000);

    test.each(fixture.runs)("$name", async (run) => {
      const { reference } = prepared.get(fixture.name) as Prepared;
      const host = await runOnHost(fixture, reference, run);
      const [cpus = 1] = fixture.cpus;
      const { args, env } = run;
      const { exitStatus, output } = await bootImage(
        { imagePath, args, env, cpus },
        fixture.timeoutSeconds * 1000,
      );
      expect({ exitStatus, output }).toEqual(expectedOutcome(run, mode, host));
    });
  });
});

/** What is chosen for the fixture's program, with all arguments and variables of its runs. */
async function prepare(fixture: Fixture): Promise<Prepared> {
  const reference = await buildHostReference(fixture, join(scratch, fixture.name));
  const configuration = configurationSchema.parse({
    args: fixture.runs.flatMap(({ args }) => args),
    env: Object.assign({}, ...fixture.runs.map(({ env }) => env)),
  });
  const cache = inspectionCache(cacheDirectory());
  const program = await inspect({ path: reference.executable, mode: "precise", cache });
  const { files } = await readIncluded(reference.files);
  const programs = [program, ...(await inspectIncluded(files, cache, scratch)).inspections];
  const { options } = await chooseImageKernel({
    configuration,
    programs,
    callsKernel: false,
    files,
    withAttributes: [],
  });
  return { reference, options: new Set(options.map(({ option, value }) => `CONFIG_${option}=${value}`)) };
}

function kernelOf({ name }: Fixture): ReadonlySet<string> {
  const own = prepared.get(name)?.options ?? new Set();
  return kernels.find((kernel) => [...own].every((line) => kernel.has(line))) ?? own;
}

/** The smallest kernels first. Of the pairs the one goes together whose union has fewest options more than either. */
function merge(sets: readonly ReadonlySet<string>[]): readonly ReadonlySet<string>[] {
  let left = [...new Map(sets.map((set) => [[...set].join(), set])).values()];
  while (left.length > kernelsPerMode) {
    const pairs = left.flatMap((one, index) => left.slice(index + 1).map((other) => [one, other] as const));
    const cost = ([one, other]: (typeof pairs)[number]) => 2 * union(one, other).size - one.size - other.size;
    const [first] = pairs.sort((one, other) => cost(one) - cost(other));
    if (first === undefined) break;
    left = [...left.filter((set) => !first.includes(set)), union(...first)];
  }
  return left.sort((one, other) => one.size - other.size);
}

/** Sets can do that by themselves only in younger versions of Node. */
function union(one: ReadonlySet<string>, other: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...one, ...other]);
}
