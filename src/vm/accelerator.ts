// SPDX-License-Identifier: MIT
/**
 * Chooses the accelerator by probe boots, and remembers their results for this boot of this host: a probe
 * takes 0.4 s, and 3 s for a KVM that does not work.
 *
 * A result holds as long as nothing it depends on has changed: the QEMU binary, the processor, the probe, and
 * the boot of the host, because the rate of the TSC may be another one after the next.
 */
import { join } from "node:path";
import { z } from "zod";
import { UklError } from "../errors.js";
import { readInput, sha256, writeOutput } from "../host/files.js";
import { bootId, canOpenDevice, cpuModel, identifyTool } from "../host/machine.js";
import { cacheDirectory } from "../host/places.js";
import { type Accelerator, defaultQemu } from "./command.js";
import { acceleratorBroken, type ProbeResult, probeAccelerator, probeResult, probeSource } from "./probe.js";

export interface AcceleratorChoice {
  readonly accelerator: Accelerator;
  /** Rate of the guest's TSC. */
  readonly tscKhz: number;
}

/** The host as this module meets it; tests put another one in its place. */
export interface AcceleratorHost {
  /** Everything a result depends on, in one value. */
  fingerprint(): Promise<string>;
  kvmOpens(): Promise<boolean>;
  probe(accelerator: Accelerator, signal?: AbortSignal): Promise<ProbeResult>;
  readonly cachePath: string;
}

const thisHost: AcceleratorHost = {
  async fingerprint() {
    const probe = sha256(await readInput(probeSource));
    const facts = { qemu: await identifyTool(defaultQemu), cpu: cpuModel(), boot: await bootId(), probe };
    return sha256(JSON.stringify(facts));
  },
  kvmOpens: () => canOpenDevice("/dev/kvm"),
  probe: probeAccelerator,
  cachePath: join(cacheDirectory(), "accelerator-v1.json"),
};

const keptResults = z.strictObject({
  fingerprint: z.string(),
  results: z.strictObject({ kvm: probeResult.optional(), tcg: probeResult.optional() }),
});

/**
 * The accelerator to use: with "auto" KVM if it works, else TCG. Throws UKL-601 when the one asked for does
 * not work, and UKL-401 without QEMU or binutils.
 */
export async function selectAccelerator(
  wanted: "auto" | Accelerator,
  signal?: AbortSignal,
  host: AcceleratorHost = thisHost,
): Promise<AcceleratorChoice> {
  const results = await ResultCache.open(host);
  if (wanted !== "tcg") {
    const kvm = await kvmResult(host, results, wanted === "kvm", signal);
    if (kvm.works) return { accelerator: "kvm", tscKhz: kvm.tscKhz };
    if (wanted === "kvm") throw acceleratorBroken("kvm", kvm.reason);
  }
  const kept = results.get("tcg");
  const tcg = kept?.works ? kept : await results.put("tcg", await host.probe("tcg", signal));
  if (tcg.works) return { accelerator: "tcg", tscKhz: tcg.tscKhz };
  throw acceleratorBroken("tcg", tcg.reason);
}

/** A kept failure is good enough to pass KVM over, but not to refuse a user who insists on it. */
async function kvmResult(
  host: AcceleratorHost,
  results: ResultCache,
  insist: boolean,
  signal: AbortSignal | undefined,
): Promise<ProbeResult> {
  if (!(await host.kvmOpens())) return { works: false, reason: "/dev/kvm is missing or cannot be opened" };
  const kept = results.get("kvm");
  if (kept !== undefined && (kept.works || !insist)) return kept;
  return results.put("kvm", await host.probe("kvm", signal));
}

class ResultCache {
  private constructor(
    readonly path: string,
    readonly fingerprint: string,
    private results: z.infer<typeof keptResults>["results"],
  ) {}

  /** A file that is missing, malformed or of another host is an empty one. */
  static async open(host: AcceleratorHost): Promise<ResultCache> {
    const fingerprint = await host.fingerprint();
    try {
      const kept = keptResults.parse(JSON.parse((await readInput(host.cachePath)).toString()));
      if (kept.fingerprint === fingerprint) return new ResultCache(host.cachePath, fingerprint, kept.results);
    } catch (error) {
      const unusable =
        error instanceof UklError || error instanceof SyntaxError || error instanceof z.ZodError;
      if (!unusable) throw error;
    }
    return new ResultCache(host.cachePath, fingerprint, {});
  }

  get(accelerator: Accelerator): ProbeResult | undefined {
    return this.results[accelerator];
  }

  /** Keeps a result if it can: without a writable cache directory each run probes anew. */
  async put(accelerator: Accelerator, result: ProbeResult): Promise<ProbeResult> {
    this.results = { ...this.results, [accelerator]: result };
    const kept = { fingerprint: this.fingerprint, results: this.results };
    await writeOutput(this.path, `${JSON.stringify(kept, null, 2)}\n`).catch((error: unknown) => {
      if (!(error instanceof UklError)) throw error;
    });
    return result;
  }
}
