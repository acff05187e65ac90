// SPDX-License-Identifier: MIT
/** What `ukl bench` refuses before it builds anything. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ukl } from "../support/cli.js";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-bench-cli-"));
  await writeFile(join(scratch, "text"), "no image and no kernel\n");
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

test.each([
  ["no run", ["--runs", "0"], 64, "UKL-101", /--runs/],
  ["half a run", ["--runs", "1.5"], 64, "UKL-101", /whole number/],
  [
    "an unknown variant",
    ["--compare", "unikernel,fast"],
    64,
    "UKL-101",
    /unikernel, shortcuts, unbound, classic/,
  ],
  ["an unknown part", ["--part", "speed"], 64, "UKL-101", /size, boot, memory/],
  ["a mode", ["--mode", "classic"], 64, "UKL-101", /--mode cannot/],
  ["ports and no binding", ["-p", "80:80", "--no-bind"], 64, "UKL-101", /--no-bind, -p cannot/],
  ["shortcuts", ["--shortcuts"], 64, "UKL-101", /--shortcuts cannot/],
  ["an image that is not there", ["--image", "missing.elf"], 65, "UKL-201", /missing\.elf/],
  ["an image that is none", ["--image", "text"], 65, "UKL-202", /text/],
  ["a program for an image", ["--image", process.execPath], 65, "UKL-503", /no manifest/],
  ["a kernel that is not there", ["--kernel-image", "missing"], 65, "UKL-201", /missing/],
  ["a kernel that is none", ["--kernel-image", "text"], 65, "UKL-801", /fewer than the header/],
  [
    "a program for a kernel",
    ["--kernel-image", process.execPath],
    65,
    "UKL-801",
    /no header of the Linux boot/,
  ],
])("%s", async (_, args, exitStatus, code, message) => {
  const outcome = await ukl(["bench", ...args], { cwd: scratch });
  expect(outcome).toMatchObject({ exitStatus, stdout: "" });
  expect(outcome.stderr).toContain(`error[${code}]`);
  expect(outcome.stderr).toMatch(message);
});
