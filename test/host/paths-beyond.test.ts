// SPDX-License-Identifier: MIT
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { pathsBeyond } from "../../src/host/paths-beyond.js";

const scratch = mkdtempSync(join(tmpdir(), "ukl-beyond-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
for (const name of ["own/a.rb", "shared/known.rb", "shared/new.rb", "shared/deep/x/new.rb"]) {
  mkdirSync(dirname(join(scratch, name)), { recursive: true });
  writeFileSync(join(scratch, name), "");
}
symlinkSync("own", join(scratch, "link"));
symlinkSync("shared", join(scratch, "link-to-shared"));

const at = (...names: string[]) => names.map((name) => join(scratch, name));

test.each<[path: string, known: string[], paths: string[]]>([
  ["own", ["shared/known.rb"], ["own"]],
  ["own/a.rb", [], ["own/a.rb"]],
  ["own", ["own/a.rb"], []],
  ["own", ["own"], ["own/a.rb"]],
  ["shared", ["shared/known.rb"], ["shared/deep", "shared/new.rb"]],
  ["shared", ["shared", "shared/known.rb", "shared/deep/x"], ["shared/deep/x/new.rb", "shared/new.rb"]],
  // What a link leads to is what is known, or not.
  ["link", [], ["link"]],
  ["link", ["own", "own/a.rb"], []],
  ["link-to-shared", ["shared/known.rb"], ["shared/deep", "shared/new.rb"]],
  ["absent", [], []],
])("of %s, where %j is known, it is %j", (path, known, paths) => {
  expect(pathsBeyond(join(scratch, path), new Set(at(...known)))).toEqual(at(...paths));
});
