// SPDX-License-Identifier: MIT
/** What files that are put into an image need, few of them and many. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { inspectIncluded } from "../src/included.js";
import { inspectionCache } from "../src/inspect/cache.js";

const program = "/usr/bin/true";
const scratch = mkdtempSync(join(tmpdir(), "ukl-included-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function copies(count: number) {
  const file = { permissions: 0o755, data: readFileSync(program) } as const;
  return Array.from({ length: count }, (_, index) => ({ path: `/opt/${index}`, ...file }));
}

/** As ldd finds them, but for the loader, which has a path of its own. */
const expected = [...execFileSync("ldd", [program], { encoding: "utf8" }).matchAll(/=> (\S+)/g)].map(
  ([, path = ""]) => realpathSync(path),
);

async function included(count: number) {
  const found = await inspectIncluded(
    copies(count),
    inspectionCache(join(scratch, "cache")),
    join(scratch, String(count)),
  );
  const libraries = [found, ...found.inspections].flatMap((each) =>
    each.libraries.map(({ path }) => realpathSync(path)),
  );
  return { ...found, libraries };
}

test("a few programs are inspected", async () => {
  const { inspections, libraries, open } = await included(2);
  expect(inspections).toHaveLength(2);
  expect(libraries).toEqual(expect.arrayContaining(expected));
  expect(open).toBeUndefined();
});

test("of many the libraries are found, and their calls count as unknown", async () => {
  const { inspections, libraries, open } = await included(257);
  expect(inspections).toEqual([]);
  expect(libraries).toEqual(expect.arrayContaining(expected));
  expect(libraries.filter((path) => path.startsWith(realpathSync(scratch)))).toEqual([]);
  expect(open).toContain("257 programs and libraries");
});
