// SPDX-License-Identifier: MIT
/** Dynamic programs: a C program that uses what a loader brings, and programs that every Debian has. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootImage, buildImage, modes } from "../support/harness.js";
import { testLimit } from "../support/patience.js";

const timeoutMs = 60_000;
/** An interpreter comes with its library, which is inspected with it once. */
const inspectionMs = testLimit(300_000);
let scratch: string;
let program: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-dynamic-"));
  program = join(scratch, "dynamic-program");
  const source = fileURLToPath(new URL("dynamic-program.c", import.meta.url));
  execFileSync("gcc", ["-O1", "-o", program, source, "-lm"]);
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Boots `path` with the arguments, and the host is the reference. */
async function compare(mode: "unikernel" | "classic", path: string, ...args: string[]): Promise<void> {
  const image = join(scratch, `image-${mode}.elf`);
  // A call that the analysis of the closure missed ends the program.
  await buildImage({ program: path, mode, mask: { default: "kill" } }, image);
  const { exitStatus, output, masked } = await bootImage({ imagePath: image, args }, timeoutMs);
  const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", TERM: "linux" };
  const host = spawnSync(path, args, { env: environment, encoding: "latin1" });
  expect({ exitStatus, output, masked }).toEqual({
    exitStatus: host.status,
    output: host.stdout,
    masked: [],
  });
}

describe.each(modes)("in %s mode", (mode) => {
  test("libraries, their threads and TLS, dlopen and names work", () => compare(mode, program));

  test(
    "an interpreter of scripts runs",
    () =>
      compare(
        mode,
        "/usr/bin/perl",
        "-e",
        'my %h; $h{$_ % 7} += $_ for 1 .. 1000; print map { "$_ $h{$_}\\n" } sort keys %h',
      ),
    inspectionMs,
  );

  test("a shell forks and counts", () =>
    compare(mode, "/bin/bash", "-c", "for i in 1 2 3; do (echo $((i * i))); done; exit 9"));
});
