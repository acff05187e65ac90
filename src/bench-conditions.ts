// SPDX-License-Identifier: MIT
/** Under what each variant is measured, and what differs from the one it is compared with. */
import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { conditionsArgument, readConditions } from "./bench/call-costs.js";
import { changedOptions } from "./bench/options.js";
import type { Report } from "./bench/schema.js";
import { live } from "./bench-machine.js";
import { type Bench, isTcg, lifeOf } from "./bench-probes.js";
import type { Variant } from "./bench-variants.js";
import { UklError } from "./errors.js";
import { attempt } from "./host/exec.js";
import { cpuModel } from "./host/machine.js";
import { cacheDirectory } from "./host/places.js";
import { kernelCache } from "./kernel/cache.js";
import { defaultQemu } from "./vm/command.js";

/** What is known of a variant, and what its guest finds when it is asked. */
export async function conditionsOf(
  bench: Bench,
  variant: Variant,
  reference: Variant,
): Promise<Readonly<Record<string, string>>> {
  return { ...(await builtConditions(variant, reference)), ...(await guestConditions(bench, variant)) };
}

async function builtConditions(
  { manifest, kernel }: Variant,
  reference: Variant,
): Promise<Readonly<Record<string, string>>> {
  const { run, sites, mode } = manifest;
  const machine = { "memory of the machine": run.memory, "processors of the machine": String(run.cpus) };
  if (kernel !== undefined)
    return { ...machine, kernel: `${kernel.version}, of others`, "kernel options": "not known", ring: "3" };
  const { version, configurationDigest, base = "generic" } = manifest.kernel;
  return {
    ...machine,
    kernel: `${version}, ${base}, configuration ${configurationDigest.slice(0, 12)}`,
    "kernel options": await optionsAgainst(manifest, reference.manifest),
    ring: mode === "unikernel" ? "0" : "3",
    "system calls": describeCalls(sites),
  };
}

function describeCalls(sites: Variant["manifest"]["sites"]): string {
  if (sites === undefined) return "instructions";
  const calls = `${sites.bound} instructions became calls`;
  return sites.shortcuts === undefined ? calls : `${calls}; shortcuts: ${sites.shortcuts.join(", ")}`;
}

async function optionsAgainst(own: Variant["manifest"], reference: Variant["manifest"]): Promise<string> {
  if (own.kernel.key === reference.kernel.key) return "those of the reference";
  const [mine, others] = await Promise.all([own, reference].map(readOptions));
  if (mine === undefined || others === undefined) return "not known: the kernel is not in the cache";
  const changed = changedOptions(others, mine);
  return changed.length === 0
    ? "those of the reference"
    : `other than the reference's: ${changed.join(", ")}`;
}

async function readOptions({ kernel }: Variant["manifest"]): Promise<string | undefined> {
  const cached = await kernelCache(cacheDirectory()).find(kernel.key);
  if (cached === undefined) return undefined;
  return readFile(join(cached.directory, "config"), "utf8").catch(() => undefined);
}

/** Of an image that was there before nothing is asked: its program is its own. */
async function guestConditions(bench: Bench, variant: Variant): Promise<Readonly<Record<string, string>>> {
  if (variant.callsImage === undefined) return {};
  const asked = { ...variant, imagePath: variant.callsImage };
  const life = {
    ...lifeOf(bench),
    course: { until: "end" },
    machine: { args: [conditionsArgument] },
  } as const;
  try {
    return readConditions((await live(asked, life)).console);
  } catch (error) {
    // Why it does not boot is said where it is measured.
    if (error instanceof UklError) return {};
    throw error;
  }
}

export async function hostFacts({ choice }: Bench): Promise<Report["host"]> {
  const { stdout } = await attempt({ tool: defaultQemu, args: ["--version"] });
  const qemu = stdout.split("\n")[0] ?? "";
  return { processor: cpuModel().trim(), processors: cpus().length, accelerator: choice.accelerator, qemu };
}

/** What has to be known to read the figures. */
export function notesFor(bench: Bench, variants: readonly Variant[]): readonly string[] {
  const emulated = [
    "Emulated: this host has no working KVM, so QEMU's translator (TCG) executed everything. Its times are those of a translator on this host, in which other work of the host shows.",
    "Instructions are counted exactly: those of system calls with -icount shift=0,sleep=off, others by a plugin that sees each instruction. A repeated string instruction counts once a repetition.",
    "What that cannot show: how long an instruction takes. A change of rings, a TLB or cache miss, a mispredicted branch and what a mitigation costs in time are one instruction or none here; on a processor they are most of what a system call costs.",
  ];
  const foreign = variants.filter(({ kernel }) => kernel !== undefined).map(({ name }) => name);
  return [
    ...(isTcg(bench) ? emulated : ["Measured with KVM: times are those of this host's processor."]),
    ...(foreign.length === 0
      ? []
      : [
          `${foreign.join(", ")}: booted by the firmware as a bzImage, which unpacks itself, with the classic image's files as initrd; its size is that of both files. Modules are not loaded, so it has the devices whose drivers are built in.`,
        ]),
    "Ratios are of medians, with a 95 % confidence interval (percentile bootstrap). ± is the median absolute deviation.",
  ];
}
