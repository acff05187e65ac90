// SPDX-License-Identifier: MIT
/**
 * Every system call with good and bad arguments gives the same result, and writes to memory in the same cases, whether
 * it is a call of the kernel, an instruction in ring 0, or one in ring 3. The guests count instructions for time, so
 * that the clock and what waits for it are the same too.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readManifest } from "../../src/image.js";
import { bootImage, buildImage } from "../support/harness.js";
import { testLimit } from "../support/patience.js";

const source = fileURLToPath(new URL("differential/every-call.c", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "ukl-differential-"));

/** What cannot be compared. */
const leftOut: Readonly<Record<string, string>> = {
  ...reason("goes on as two processes", "fork", "vfork", "clone", "clone3"),
  ...reason("ends other processes", "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"),
  ...reason("ends other processes", "pidfd_send_signal", "ptrace"),
  ...reason("changes the clock", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex"),
  ...reason("returns to what happens to be on the stack", "rt_sigreturn"),
  ...reason("ends the machine", "reboot"),
  ...reason("takes the terminal away", "vhangup"),
  ...reason("reads what the kernel printed, which has addresses", "syslog"),
};

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

beforeAll(() => {
  const header = execFileSync("gcc", ["-E", "-dM", "-include", "asm/unistd_64.h", "-"], { input: "" });
  const calls = [...String(header).matchAll(/^#define __NR_(\w+) (\d+)$/gm)];
  const lines = calls.filter(([, name = ""]) => leftOut[name] === undefined);
  expect(lines.length).toBeGreaterThan(300);
  writeFileSync(
    join(scratch, "calls.h"),
    lines.map(([, name, number]) => `CALL(${name}, ${number})\n`).join(""),
  );
});

test("each call has one result", { timeout: testLimit(900_000) }, async () => {
  const bound = await results("bound", {});
  expect(bound.length).toBeGreaterThan(7000);
  expect(differences(bound, await results("shortcuts", { shortcuts: true }))).toEqual([]);
  expect(differences(bound, await results("unbound", { bind: false }))).toEqual([]);
  expect(differences(bound, await results("classic", { mode: "classic" }))).toEqual([]);
});

/** The lines that the program prints. */
async function results(name: string, options: { mode?: "classic"; bind?: false; shortcuts?: true }) {
  const imagePath = join(scratch, `${name}.elf`);
  const program = {
    inputs: [source],
    compileFlags: ["-O2", `-I${scratch}`],
    kernel: { base: "generic" as const },
  };
  await buildImage({ ...program, ...options }, imagePath);
  const { sites } = (await readManifest(imagePath)) ?? {};
  expect((sites?.bound ?? 0) > 300).toBe(name === "bound" || name === "shortcuts");
  const { exitStatus, output } = await bootImage({ imagePath, instructionCount: true }, 280_000);
  expect({ exitStatus, end: output.slice(-200) }).toMatchObject({ exitStatus: 0 });
  return output.trimEnd().split("\n");
}

function differences(left: readonly string[], right: readonly string[]): readonly string[] {
  return left.flatMap((line, index) => (line === right[index] ? [] : [`${line} | ${right[index]}`]));
}

function reason(text: string, ...names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, text]));
}
