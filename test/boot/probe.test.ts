// SPDX-License-Identifier: MIT
/** Boots the probe and small bare-metal guests: accelerators, console, control channel, and every way to end. */
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/host/exec.js";
import { packageFile } from "../../src/host/places.js";
import type { ConsoleOptions } from "../../src/vm/machine.js";
import { assembleGuest, probeAccelerator } from "../../src/vm/probe.js";
import { runImage } from "../../src/vm/run.js";
import { patience } from "../support/patience.js";

let directory: string;
const images = new Map<string, string>();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ukl-test-"));
  for (const name of ["echo", "flood", "forever", "crash"]) {
    const own = await mkdtemp(join(directory, `${name}-`));
    images.set(name, await assembleGuest(packageFile("test", "vm", "guests", `${name}.S`), own));
  }
});

afterAll(async () => {
  const left = machinesRunning();
  await rm(directory, { recursive: true, force: true });
  expect(left).toEqual([]);
});

/** Runs a guest with TCG; returns what it wrote to the console, too. */
async function boot(name: string, options: ConsoleOptions & { memory?: string; imagePath?: string } = {}) {
  const chunks: Uint8Array[] = [];
  const result = await runImage({
    imagePath: images.get(name) ?? "",
    accelerator: "tcg",
    memory: "16M",
    onOutput: (chunk) => void chunks.push(chunk),
    timeoutMs: patience(30_000),
    ...options,
  });
  return { ...result, console: Buffer.concat(chunks) };
}

/** Process ids of the machines that run a guest of this file. */
function machinesRunning(): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "latin1");
      return command.includes("qemu-system") && command.includes(directory);
    } catch {
      return false;
    }
  });
}

describe("the probe", () => {
  it("measures the TSC of TCG as C does against CLOCK_MONOTONIC_RAW, to 0.05 %", async () => {
    const source = join(directory, "tsc.c");
    await writeFile(
      source,
      `#include <stdio.h>
       #include <time.h>
       #include <x86intrin.h>
       int main(void)
       {
         struct timespec a, b, pause = { 0, 500000000 };
         clock_gettime(CLOCK_MONOTONIC_RAW, &a);
         unsigned long long cycles = __rdtsc();
         nanosleep(&pause, 0);
         clock_gettime(CLOCK_MONOTONIC_RAW, &b);
         cycles = __rdtsc() - cycles;
         printf("%f", cycles * 1e6 / ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)));
       }`,
    );
    await run({ tool: "gcc", args: ["-O1", "-o", join(directory, "tsc"), source] });
    const expectedKhz = Number((await run({ tool: join(directory, "tsc"), args: [] })).stdout);

    const probed = await probeAccelerator("tcg");
    const tscKhz = probed.works ? probed.tscKhz : Number.NaN;
    expect(Math.abs(tscKhz / expectedKhz - 1)).toBeLessThan(0.0005);
  });

  it("comes to a verdict on KVM within its time limit", async () => {
    const beginMs = performance.now();
    const probed = await probeAccelerator("kvm");
    expect(performance.now() - beginMs).toBeLessThan(5000);
    expect(probed).toEqual(
      probed.works
        ? { works: true, tscKhz: expect.any(Number) }
        : { works: false, reason: expect.stringMatching(/QEMU failed|did not end|was reset/) },
    );
  });
});

describe("console and control channel", () => {
  it("returns the guest's exit status and when the application started", async () => {
    const { exitStatus, timingsMs } = await boot("echo");
    expect(exitStatus).toBe(7);
    expect(timingsMs.start).toBeGreaterThan(0);
    expect(timingsMs.total).toBeGreaterThan(timingsMs.start ?? Number.NaN);
  });

  it("sends no byte but the end of file when there is no stdin", async () => {
    expect((await boot("echo")).console.toString()).toBe("^");
  });

  it("sends stdin and one end of file behind a whole line", async () => {
    const stdin = Readable.from([Buffer.from("one\ntw"), Buffer.from("o\n")]);
    expect((await boot("echo", { stdin })).console.toString()).toBe("one\ntwo\n^");
  });

  it("sends the end of file twice behind an unfinished line", async () => {
    const stdin = Readable.from([Buffer.from("one\ntwo")]);
    expect((await boot("echo", { stdin })).console.toString()).toBe("one\ntwo^^");
  });

  it("relays every byte value but the end of file unchanged in both directions", async () => {
    const bytes = Buffer.from([...Array(256).keys()].filter((byte) => byte !== 4).concat(10));
    const { console } = await boot("echo", { stdin: Readable.from([bytes]) });
    expect(console.subarray(0, -1)).toEqual(bytes);
  });

  it("loses nothing of 1 MiB of output", async () => {
    const { console, exitStatus } = await boot("flood");
    expect(exitStatus).toBe(0);
    expect(console.equals(floodBytes())).toBe(true);
  });

  it("loses nothing when the reader is slow, because the guest waits", async () => {
    const chunks: Uint8Array[] = [];
    const { timingsMs } = await boot("flood", {
      onOutput: async (chunk) => {
        chunks.push(chunk);
        if (chunks.length % 10_000 === 1) await sleep(200);
      },
    });
    const stalledMs = 200 * Math.ceil(chunks.length / 10_000);
    expect(timingsMs.total).toBeGreaterThan(stalledMs);
    expect(Buffer.concat(chunks).equals(floodBytes())).toBe(true);
  });

  it("loses nothing that is still unread when the machine is gone", async () => {
    const chunks: Uint8Array[] = [];
    await boot("echo", {
      stdin: Readable.from([Buffer.from("one\n")]),
      onOutput: async (chunk) => {
        chunks.push(chunk);
        await sleep(500);
      },
    });
    expect(Buffer.concat(chunks).toString()).toBe("one\n^");
  });
});

describe("ends before its time", () => {
  it("ends a guest that never ends at the time limit, with UKL-603 and its last lines", async () => {
    const running = boot("forever", { timeoutMs: 1500 });
    await expect(running).rejects.toMatchObject({
      code: "UKL-603",
      detail: { cause: expect.stringContaining("waiting") },
    });
    expect(machinesRunning()).toEqual([]);
  });

  it("reports a reset without an exit status as UKL-604, with the panic in the cause", async () => {
    await expect(boot("crash")).rejects.toMatchObject({
      code: "UKL-604",
      detail: { cause: expect.stringContaining("Kernel panic - not syncing: out of ideas") },
    });
  });

  it("reports QEMU's own complaint as UKL-602", async () => {
    await expect(boot("echo", { memory: "900000G" })).rejects.toMatchObject({
      code: "UKL-602",
      detail: { cause: expect.stringMatching(/memory/i) },
    });
  });

  it("reports an image that is not there as UKL-602", async () => {
    await expect(boot("echo", { imagePath: join(directory, "none.elf") })).rejects.toMatchObject({
      code: "UKL-602",
      detail: { cause: expect.stringContaining("none.elf") },
    });
  });

  it("ends promptly and without a machine left when it is aborted", async () => {
    const controller = new AbortController();
    let abortedMs = 0;
    const running = boot("forever", {
      signal: controller.signal,
      onOutput: () => {
        abortedMs ||= performance.now();
        controller.abort(new Error("interrupted"));
      },
    });
    await expect(running).rejects.toThrow("interrupted");
    expect(performance.now() - abortedMs).toBeLessThan(1000);
    expect(machinesRunning()).toEqual([]);
  });

  it("ends the machine when the console's reader fails, and passes its error on", async () => {
    const running = boot("flood", {
      onOutput: () => {
        throw new Error("the pipe is closed");
      },
    });
    await expect(running).rejects.toThrow("the pipe is closed");
    expect(machinesRunning()).toEqual([]);
  });

  it("lets go of a stdin that never ends", async () => {
    const stdin = new Readable({ read: () => undefined });
    await expect(boot("forever", { stdin, timeoutMs: 1500 })).rejects.toMatchObject({ code: "UKL-603" });
    expect(stdin.destroyed).toBe(true);
  });
});

/** What flood.S is documented to send. */
function floodBytes(): Buffer {
  const bytes = Buffer.alloc(1 << 20);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = i ^ (i >> 8) ^ (i >> 16);
  return bytes;
}
