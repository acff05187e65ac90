// SPDX-License-Identifier: MIT
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findProgram, onPath } from "../../src/host/programs.js";

let scratch: string;
const program = (path: string, text: string) => {
  writeFileSync(join(scratch, path), text);
  chmodSync(join(scratch, path), 0o755);
};

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "ukl-programs-"));
  for (const name of ["shims", "versions", "bin"]) mkdirSync(join(scratch, name));
  vi.stubEnv("PATH", ["shims", "bin"].map((name) => join(scratch, name)).join(":"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(scratch, { recursive: true });
});

/** As pyenv and rbenv write them; the manager answers by the directory that it is asked in. */
function installManager(answer: string): void {
  program("shims/tool", `#!/bin/sh\nprogram="tool"\nexec "${scratch}/manager" exec "$program" "$@"\n`);
  program("manager", `#!/bin/sh\n[ "$1" = which ] || exit 9\n${answer}\n`);
}

test("a shim is followed to the program that its manager chooses for the directory", async () => {
  program("versions/tool", "");
  installManager(`[ "$PWD" = ${scratch}/bin ] && echo ${scratch}/versions/$2`);
  expect(await onPath("tool", join(scratch, "bin"))).toEqual({
    path: join(scratch, "versions/tool"),
    manager: "manager",
  });
});

test("what the manager has no version of is looked for in the directories behind", async () => {
  program("bin/tool", "");
  installManager("exit 1");
  expect(await findProgram("tool")).toBe(join(scratch, "bin/tool"));
});

test("a script in another directory is no shim", async () => {
  installManager("exit 1");
  program("bin/other", `#!/bin/sh\nexec "${scratch}/manager" exec other\n`);
  expect(await findProgram("other")).toBe(join(scratch, "bin/other"));
});
