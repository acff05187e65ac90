// SPDX-License-Identifier: MIT
/**
 * Every fixture, built and booted in both modes, with each number of CPUs it asks for, and compared with the
 * same program on the host. The outcomes make the table in docs/fixtures.md.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  buildHostReference,
  expectedOutcome,
  type Fixture,
  type HostReference,
  loadFixtures,
  runOnHost,
} from "../support/fixtures.js";
import { bootImage, buildFixture, type Mode, modes } from "../support/harness.js";
import { formatFixtureTable, type SeenRun } from "../support/table.js";

const fixtures = loadFixtures();
const seen: SeenRun[] = [];
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-fixtures-"));
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe.each(fixtures.map((fixture) => [fixture.name, fixture] as const))("%s", (_name, fixture) => {
  const images = new Map<Mode, string>();
  let reference: HostReference;

  beforeAll(async () => {
    reference = await buildHostReference(fixture, join(scratch, fixture.name));
    for (const mode of modes) images.set(mode, await buildFixture(fixture, reference, mode, scratch));
  });

  test.each(boots(fixture))("$run.name, $mode, $cpus CPU", async ({ run, mode, cpus }) => {
    const host = await runOnHost(fixture, reference, run);
    const imagePath = images.get(mode) ?? "";
    const { args, env } = run;
    const booted = await bootImage({ imagePath, args, env, cpus }, fixture.timeoutSeconds * 1000);
    const { exitStatus, output } = booted;
    const expected = expectedOutcome(run, mode, host);
    const passed = exitStatus === expected.exitStatus && output === expected.output;
    seen.push({ fixture: fixture.name, run: run.name, mode, cpus, exitStatus, passed });
    expect({ exitStatus, output }).toEqual(expected);
  });
});

test("docs/fixtures.md has the outcomes seen here", async () => {
  const path = new URL("../../docs/fixtures.md", import.meta.url);
  const table = formatFixtureTable(fixtures, seen);
  if (process.env["UKL_UPDATE_DOCS"]) await writeFile(path, table);
  expect(await readFile(path, "utf8")).toBe(table);
});

function boots(fixture: Fixture) {
  return fixture.runs.flatMap((run) =>
    modes.flatMap((mode) => fixture.cpus.map((cpus) => ({ run, mode, cpus }))),
  );
}
