// SPDX-License-Identifier: MIT
/** What an image is, beside what its program does. */
import { execFileSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BuildResult } from "../../src/build.js";
import { parseElf } from "../../src/elf/file.js";
import { readManifest } from "../../src/image.js";
import { ukl } from "../support/cli.js";
import { buildImage, modes } from "../support/harness.js";
import { patience } from "../support/patience.js";

const hello = fileURLToPath(new URL("../../fixtures/hello/hello.c", import.meta.url));
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-image-"));
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe.each(modes)("a %s image", (mode) => {
  let result: BuildResult;
  let bytes: Buffer;

  beforeAll(async () => {
    result = await buildImage({ inputs: [hello], mode, args: ["one"] }, join(scratch, `${mode}.elf`), true);
    bytes = await readFile(result.output);
  });

  test("has the same bytes when the same source is built again, in another place", async () => {
    const elsewhere = join(scratch, `${mode}-elsewhere`);
    await mkdir(elsewhere, { recursive: true });
    const source = join(elsewhere, "hello.c");
    await copyFile(hello, source);
    await buildImage({ inputs: [source], mode, args: ["one"] }, join(elsewhere, "again.elf"));
    expect(Buffer.compare(await readFile(join(elsewhere, "again.elf")), bytes)).toBe(0);
  });

  test("carries a manifest that tells what it was made from", async () => {
    const manifest = await readManifest(result.output);
    expect(manifest).toEqual(result.manifest);
    const digest = execFileSync("sha256sum", [hello], { encoding: "utf8" }).slice(0, 64);
    expect(manifest?.inputs).toEqual([{ name: "hello.c", sha256: digest }]);
    expect(manifest?.arguments).toEqual(["one"]);
  });

  test("is inspected by its manifest", async () => {
    const { stdout, exitStatus } = await ukl(["inspect", result.output]);
    expect(exitStatus).toBe(0);
    expect(JSON.parse(stdout)).toEqual(result.manifest);
  });

  test("shows the application's segments at their own addresses to binutils", () => {
    const headers = execFileSync("readelf", ["-lW", result.output], { encoding: "utf8" });
    for (const { vaddr } of result.manifest.application.segments) {
      expect(headers).toMatch(new RegExp(`LOAD +0x[0-9a-f]+ 0x0*${vaddr.slice(2)} `));
    }
  });

  test("names no path of the building machine", () => {
    for (const path of [scratch, process.cwd()]) expect(bytes.includes(path)).toBe(false);
  });

  test("starts over PVH", () => {
    const entry = parseElf(bytes, result.output).notes.find(
      ({ owner, type }) => owner === "Xen" && type === 18,
    );
    expect(entry?.description.length).toBe(8);
  });

  test("runs as before when it was stripped", async () => {
    const stripped = join(scratch, `${mode}-stripped.elf`);
    execFileSync("objcopy", ["--strip-all", result.output, stripped]);
    expect((await readFile(stripped)).length).toBeLessThan(bytes.length);
    const { stdout, exitStatus } = await ukl(["run", stripped]);
    expect(stdout).toContain("Hello, world\nargument 1: one\n");
    expect(exitStatus).toBe(0);
  });

  test("boots as a bzImage too", async () => {
    const { output, exitStatus } = bootBzImage(result.bzImage ?? "");
    expect(output).toContain("Hello, world\nargument 1: one\n");
    expect(output).toContain(`CPL ${mode === "unikernel" ? 0 : 3}\n`);
    // isa-debug-exit ends QEMU with 2n + 1; the power switch writes 0.
    expect(exitStatus).toBe(1);
  });
});

/** The Linux boot protocol of a PC, where the loader is QEMU's own. */
function bootBzImage(path: string): { output: string; exitStatus: number } {
  const khz = execFileSync("awk", ['/cpu MHz/ {printf "%d", $4 * 1000; exit}', "/proc/cpuinfo"], {
    encoding: "utf8",
  });
  const machine = [
    "-M",
    "pc",
    "-accel",
    "tcg",
    "-cpu",
    "max",
    "-m",
    "256",
    "-nodefaults",
    "-display",
    "none",
    "-no-reboot",
  ];
  const devices = ["-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=1"];
  try {
    const args = [...machine, ...devices, "-kernel", path, "-append", `tsc_early_khz=${khz}`];
    const output = execFileSync("qemu-system-x86_64", args, {
      encoding: "latin1",
      timeout: patience(50_000),
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { output, exitStatus: 0 };
  } catch (error) {
    const { stdout, status } = error as { stdout: string; status: number };
    return { output: stdout, exitStatus: status };
  }
}
