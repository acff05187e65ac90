// SPDX-License-Identifier: MIT
/** The kernel of this machine says what executing a script comes to: an interpreter that prints its argv. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { hostView } from "../../src/host/file-view.js";
import { resolveScripts } from "../../src/targets/script.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
const at = (name: string) => join(workshop.directory, name);

beforeAll(() => {
  const source = `#include <stdio.h>
    int main(int argc, char **argv) { for (int i = 0; i < argc; i++) printf("[%s]", argv[i]); }`;
  execFileSync("gcc", ["-x", "c", "-o", at("show"), "-"], { input: source });
});

function script(name: string, text: string): string {
  writeFileSync(at(name), text);
  chmodSync(at(name), 0o755);
  return at(name);
}

const resolve = (path: string) => resolveScripts(hostView, path, [workshop.directory, "/usr/bin", "/bin"]);

/** What the script's interpreter is given, by the kernel: libc's execvp() would go on with a shell. */
function byKernel(path: string): string {
  const PATH = `${workshop.directory}:/usr/bin:/bin`;
  const execute = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])";
  const { status, stdout, stderr } = spawnSync("/usr/bin/python3", ["-c", execute, path, "a", "b c"], {
    encoding: "utf8",
    env: { PATH },
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

describe("the arguments are those that the kernel makes of", () => {
  test.each([
    ["plain", (show: string) => `#!${show}\n`],
    ["one-argument", (show: string) => `#!${show} -x\nrest`],
    ["words-are-one-argument", (show: string) => `#! \t${show}  \t -x  two words \t \nrest`],
    ["no-end-of-line", (show: string) => `#!${show} -x`],
    ["long-argument", (show: string) => `#!${show} ${"x".repeat(300)}\n`],
    ["carriage-return-is-an-argument", (show: string) => `#!${show} \r\n`],
    ["zero-ends-the-name", (show: string) => `#!${show}\0 -x\n`],
    ["environment", () => "#!/usr/bin/env show\n"],
    ["split", () => "#!/usr/bin/env -S show -u  -v\n"],
  ])("%s", async (name, text) => {
    const path = script(name, text(at("show")));
    const { argv, scripts } = await resolve(path);
    expect([...argv, "a", "b c"].map((word) => `[${word}]`).join("")).toBe(byKernel(path));
    expect(scripts).toEqual([path]);
  });

  test("scripts that are interpreters of scripts, five deep", async () => {
    let path = at("show");
    for (let depth = 1; depth <= 5; depth++) path = script(`deep-${depth}`, `#!${path} arg-${depth}\n`);
    const { argv, path: program, scripts } = await resolve(path);
    expect([...argv, "a", "b c"].map((word) => `[${word}]`).join("")).toBe(byKernel(path));
    expect([program, scripts.length]).toEqual([at("show"), 5]);
    const deeper = script("deep-6", `#!${path}\n`);
    expect(() => byKernel(deeper)).toThrow("symbolic links");
    await expect(resolve(deeper)).rejects.toMatchObject({ code: "UKL-227" });
  });
});

test.each([
  ["no script", "text\n"],
  ["no name", "#!  \n"],
  ["a name that is cut off", `#!/${"x".repeat(300)}\n`],
])("what the kernel does not execute stays what it is: %s", async (_, text) => {
  const path = script("not-executed", text);
  expect(() => byKernel(path)).toThrow("Exec format error");
  expect(await resolve(path)).toEqual({ path, argv: [path], scripts: [] });
});

test.each([
  ["that is not there", "#!/no/such/interpreter\n", "UKL-226"],
  ["that env does not find", "#!/usr/bin/env no-such-interpreter\n", "UKL-226"],
  ["that is a directory", "#!/usr/bin\n", "UKL-226"],
  ["whose name ends in a carriage return", "#!/bin/sh\r\n", "UKL-226"],
  ["that depends on where it is started", "#!./show\n", "UKL-227"],
  ["behind a byte order mark", "\ufeff#!/bin/sh\n", "UKL-227"],
  ["behind options of env", "#!/usr/bin/env -i show\n", "UKL-227"],
  ["behind variables of env", "#!/usr/bin/env -S A=1 show\n", "UKL-227"],
])("an interpreter %s is refused", async (_, text, code) => {
  await expect(resolve(script("refused", text))).rejects.toMatchObject({ code });
});
