// SPDX-License-Identifier: MIT
/**
 * The probe boot: whether an accelerator runs a 64-bit guest at a useful speed, and the rate of its TSC.
 *
 * Nothing less convinces: a /dev/kvm may open and create virtual processors, and still emulate each
 * instruction. The guest is syscall-stubs/x86_64/probe.S, assembled on the spot.
 */
import { join } from "node:path";
import { z } from "zod";
import { UklError } from "../errors.js";
import { lastLines, run } from "../host/exec.js";
import { withScratchDirectory } from "../host/files.js";
import { packageFile } from "../host/places.js";
import { type Accelerator, defaultQemu, qemuCommand } from "./command.js";
import { type BootOutcome, boot } from "./machine.js";

export const probeResult = z.discriminatedUnion("works", [
  z.strictObject({ works: z.literal(true), tscKhz: z.int().min(100_000).max(100_000_000) }),
  z.strictObject({ works: z.literal(false), reason: z.string() }),
]);

/** `tscKhz` is the median of the guest's measurements; `reason` is a clause a message can end in. */
export type ProbeResult = z.infer<typeof probeResult>;

export const probeSource = packageFile("syscall-stubs", "x86_64", "probe.S");

/** The probe takes 0.3 s where it works. TCG gets longer, since there is no other accelerator to fall back to. */
const timeoutMs: Readonly<Record<Accelerator, number>> = { kvm: 3000, tcg: 20_000 };

/** Boots the probe. Throws UKL-401 and UKL-404 when it cannot even be tried. */
export async function probeAccelerator(
  accelerator: Accelerator,
  signal?: AbortSignal,
  qemu: string = defaultQemu,
): Promise<ProbeResult> {
  return withScratchDirectory(async (directory) => {
    const imagePath = await assembleGuest(probeSource, directory);
    // In the scratch directory, because a QEMU that aborts over a broken KVM may dump core.
    const command = { ...qemuCommand({ imagePath, accelerator, qemu, memory: "16M" }), cwd: directory };
    const limit = timeoutMs[accelerator];
    const outcome = await boot(command, { timeoutMs: limit, ...(signal === undefined ? {} : { signal }) });
    return judge(outcome, limit);
  });
}

/** Assembles a bare-metal guest; returns the path of the ELF file. Throws UKL-401, UKL-404. */
export async function assembleGuest(source: string, directory: string): Promise<string> {
  const object = join(directory, "guest.o");
  const image = join(directory, "guest.elf");
  const script = packageFile("linker-scripts", "probe.lds");
  await run({ tool: "as", args: ["--64", "-o", object, source] });
  await run({ tool: "ld", args: ["-m", "elf_x86_64", "-T", script, "-o", image, object] });
  return image;
}

/** What a probe boot says about its accelerator. */
export function judge(outcome: BootOutcome, limitMs: number): ProbeResult {
  if (outcome.timedOut) {
    return { works: false, reason: `a test guest that takes 0.3 s did not end within ${limitMs / 1000} s` };
  }
  if (outcome.qemu.exitStatus !== 0) {
    return {
      works: false,
      reason: `QEMU failed: ${lastLines(outcome.qemu.stderr, 3) || outcome.qemu.signal}`,
    };
  }
  if (!outcome.messages.some((message) => message.kind === "exit" && message.status === 0)) {
    return { works: false, reason: "a test guest was reset before it had finished" };
  }
  const rates = outcome.messages.flatMap((message) => (message.kind === "tscKhz" ? [message.tscKhz] : []));
  const measured = probeResult.safeParse({ works: true, tscKhz: median(rates) });
  if (measured.success) return measured.data;
  return { works: false, reason: `its time stamp counter has no credible rate (${rates.join(", ")} kHz)` };
}

function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/** The error for an accelerator that was asked for and does not work. */
export function acceleratorBroken(accelerator: Accelerator, reason: string): UklError {
  return new UklError("UKL-601", {
    what: `the accelerator ${accelerator} does not work on this host`,
    cause: reason,
    fix:
      accelerator === "kvm"
        ? "use --accel tcg, or a host with hardware virtualisation whose /dev/kvm you may open"
        : "run 'ukl doctor' to see whether QEMU is installed as it should be",
  });
}
