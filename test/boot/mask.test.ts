// SPDX-License-Identifier: MIT
/** Masked system calls: every policy does what it says, in both modes, wherever the call comes from. */
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseElf } from "../../src/elf/file.js";
import type { MaskPolicy } from "../../src/mask/policy.js";
import { ukl } from "../support/cli.js";
import { bootImage, buildImage, type Mode, modes } from "../support/harness.js";

/** Of the host's table, through its C library. */
const numbers = { ptrace: 101, mount: 165, getppid: 110 } as const;
const timeoutMs = 20_000;
const source = fileURLToPath(new URL("masked-call.c", import.meta.url));

let scratch: string;
let program: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-mask-"));
  program = join(scratch, "masked-call");
  execFileSync("gcc", ["-static", "-O2", "-o", program, source]);
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

async function image(mode: Mode, policy: MaskPolicy | "none", name: string): Promise<string> {
  const output = join(scratch, `${name}-${mode}.elf`);
  await buildImage({ program, mode, mask: { default: policy } }, output);
  return output;
}

const reportLine = (call: string, count: number) => `${call.padEnd(28)} ${String(count).padStart(10)}\n`;

/** What a program sees of three calls. */
const answered: Readonly<Record<string, string>> = {
  enosys: "-1 ENOSYS\n",
  eperm: "-1 EPERM\n",
  log: "-1 ENOSYS\n",
  success: "0 \n",
};

describe.each(modes)("in %s mode", (mode) => {
  describe.each(Object.keys(answered) as MaskPolicy[])("policy %s", (policy) => {
    // The first process makes the second call itself, before the application runs.
    test.each([
      ["main", "ptrace"],
      ["thread", "ptrace"],
      ["main", "mount"],
    ] as const)("answers a call from %s: %s", async (where, call) => {
      const imagePath = await image(mode, policy, policy);
      const args = [String(numbers[call]), "3", where];
      const { exitStatus, output, masked } = await bootImage({ imagePath, args }, timeoutMs);
      expect(output).toBe((answered[policy] ?? "").repeat(3) + reportLine(call, 3));
      expect(exitStatus).toBe(7);
      const logged = masked.filter(({ kind }) => kind !== "tried");
      expect(logged.map(({ kind, call: name }) => [kind, name])).toEqual(
        policy === "log" ? [["masked", call]] : [],
      );
      expect(masked.filter(({ kind }) => kind === "tried")).toEqual([{ kind: "tried", call, count: 3 }]);
    });
  });

  test.each(["main", "thread"])("policy kill ends a program whose %s makes the call", async (where) => {
    const imagePath = await image(mode, "kill", "kill");
    const args = [String(numbers.ptrace), "3", where];
    const { exitStatus, output, masked } = await bootImage({ imagePath, args }, timeoutMs);
    expect(output).toBe("");
    expect(exitStatus).toBe(128 + constants.signals.SIGSYS);
    const [killed] = masked;
    expect(killed).toMatchObject({ kind: "killed", call: "ptrace", program: "masked-call" });
    const site = killed !== undefined && "site" in killed ? BigInt(killed.site) : 0n;
    const bytes = parseElf(await readFile(program), program).bytesFrom(site);
    expect([...(bytes?.subarray(0, 2) ?? [])]).toEqual([0x0f, 0x05]); // SYSCALL
  });

  test("policy kill ends the process that makes the call, and not its parent", async () => {
    const imagePath = await image(mode, "kill", "kill");
    const args = [String(numbers.ptrace), "1", "child"];
    const { exitStatus, output } = await bootImage({ imagePath, args }, timeoutMs);
    expect(output).toBe(`child ${constants.signals.SIGSYS}\n${reportLine("ptrace", 1)}`);
    expect(exitStatus).toBe(7);
  });

  test("without a mask the kernel answers", async () => {
    const imagePath = await image(mode, "none", "none");
    const { output, masked } = await bootImage(
      { imagePath, args: [String(numbers.getppid), "1", "main"] },
      timeoutMs,
    );
    expect(output).toBe("1 \n");
    expect(masked).toEqual([]);
  });
});

test("a mask that is too tight shows on stderr", async () => {
  const output = join(scratch, "tight.elf");
  await buildImage({ program, mask: { default: "log" } }, output);
  const { exitStatus, stderr } = await ukl(["run", output, "--", String(numbers.ptrace), "2", "main"]);
  expect(exitStatus).toBe(7);
  expect(stderr).toMatch(/^ukl: masked-call at 0x[\da-f]+ tried the masked call ptrace$/m);
  expect(stderr).toMatch(/^ukl: masked call ptrace was tried 2 times$/m);
});

test("an image whose numbers are not all known has no mask unless one is asked for", async () => {
  const open = await buildImage({ program }, join(scratch, "open.elf"));
  expect(open.manifest.mask).toMatchObject({ policy: "none", masked: 0 });
  expect(open.manifest.mask?.notApplied).toContain("masked-call:syscall");
});

test("the calls of a trace are all that the image makes", async () => {
  const trace = join(scratch, "trace.json");
  const hello = fileURLToPath(new URL("../../fixtures/hello/hello.c", import.meta.url));
  const executable = join(scratch, "hello");
  execFileSync("gcc", ["-static", "-O2", "-o", executable, hello]);
  const traced = await ukl(["inspect", executable, "--trace-save", trace, "--"]);
  expect(traced.exitStatus).toBe(0);
  const { calls } = JSON.parse(await readFile(trace, "utf8")) as { calls: { name: string }[] };
  expect(calls.length).toBeLessThan(30);
  const mask = { default: "kill", from: trace } as const;
  const imagePath = join(scratch, "hello.elf");

  // stdout was a pipe, and is one in the guest.
  const { manifest } = await buildImage({ program: executable, mask }, imagePath);
  expect(manifest.mask?.masked).toBeGreaterThan(300);
  const { exitStatus, output, masked } = await bootImage({ imagePath }, timeoutMs);
  expect(output).toMatch(/^Hello/);
  expect({ exitStatus, masked }).toEqual({ exitStatus: 0, masked: [] });

  await buildImage({ program: executable, mask: { ...mask, calls: { write: "kill" } } }, imagePath);
  const tight = await bootImage({ imagePath }, timeoutMs);
  expect(tight.masked[0]).toMatchObject({ kind: "killed", call: "write" });
});
