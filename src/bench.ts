// SPDX-License-Identifier: MIT
/** Compares variants of one application: the passes of `ukl bench`, each with the earlier ones' results. */
import { imageName } from "./application.js";
import { type Probe, takeReadings } from "./bench/readings.js";
import type { Metric, PartName, Report } from "./bench/schema.js";
import { conditionsOf, hostFacts, notesFor } from "./bench-conditions.js";
import { type Course, live } from "./bench-machine.js";
import {
  type Bench,
  bootInstructionsProbe,
  bootProbe,
  callsProbe,
  isTcg,
  leastMemoryProbe,
  residentProbe,
  sizeProbe,
} from "./bench-probes.js";
import { loadProbe, requestInstructionsProbe } from "./bench-server.js";
import { buildVariants, readOthers, serverOf, type Variant, type VariantRequest } from "./bench-variants.js";
import { UklError } from "./errors.js";
import { withScratchDirectory } from "./host/files.js";
import { selectAccelerator } from "./vm/accelerator.js";
import type { Accelerator } from "./vm/command.js";

export interface BenchRequest extends Omit<VariantRequest, "withBzImages"> {
  readonly parts: readonly PartName[];
  readonly runs: number;
  readonly seed: number;
  readonly accelerator: "auto" | Accelerator;
  /** How long one boot may take. */
  readonly limitMs: number;
}

/** Throws UKL-101, UKL-503, UKL-801, what `build` throws, and what `run` throws or UKL-802 where the reference does not run. */
export async function bench(request: BenchRequest): Promise<Report> {
  const { parts, runs, seed, limitMs, onProgress } = request;
  const wanted = { ...request, withBzImages: parts.includes("size") };
  const others = await readOthers(wanted);
  const choice = await selectAccelerator(request.accelerator);
  return withScratchDirectory(async (scratch) => {
    const variants = await buildVariants(wanted, others, scratch);
    const reference = referenceOf(variants);
    const course = await courseOf(request, reference, choice);
    const bench: Bench = { choice, course, limitMs, scratch };

    const described = await describeAll(bench, variants, reference);
    const metrics: Metric[] = [];
    const failures: string[] = [];
    for (const probe of probesFor(bench, parts)) {
      const onFraction = (fraction: number) => onProgress({ step: probe.step, fraction });
      const taken = await takeReadings(
        probe,
        variants,
        { runs, seed, reference: reference.name },
        onFraction,
      );
      metrics.push(...taken.metrics);
      if (taken.because !== undefined) failures.push(`Not measured: ${probe.step}. ${taken.because}.`);
    }
    return {
      schemaVersion: 1,
      tool: "uklkit",
      target: imageName(request.configuration),
      host: await hostFacts(bench),
      ...{ runs, seed, reference: reference.name, variants: described, metrics },
      notes: [...notesFor(bench, variants), ...partNotes(bench, parts), ...failures],
    };
  });
}

/** What ratios are to: classic, if it is there. */
function referenceOf(variants: readonly Variant[]): Variant {
  const reference = variants.find(({ name }) => name === "classic") ?? variants[0];
  if (reference !== undefined) return reference;
  throw new UklError("UKL-101", {
    what: "there is nothing to compare",
    cause: "--compare names no variant, and there is no --image or --kernel-image",
    fix: "name one",
  });
}

/** The program is booted once, to see that it answers, or whether it ends. */
async function courseOf(
  { configuration, limitMs }: BenchRequest,
  reference: Variant,
  { accelerator }: Bench["choice"],
): Promise<Course> {
  const server = serverOf(configuration);
  if (server !== undefined) {
    const course = { until: "answer", server } as const;
    await live(reference, { accelerator, limitMs, course });
    return course;
  }
  try {
    await live(reference, { accelerator, limitMs, course: { until: "end" } });
    return { until: "end" };
  } catch (error) {
    if (error instanceof UklError && error.code === "UKL-603") return { until: "start" };
    throw error;
  }
}

async function describeAll(
  bench: Bench,
  variants: readonly Variant[],
  reference: Variant,
): Promise<Report["variants"]> {
  const described = [];
  for (const variant of variants)
    described.push({ name: variant.name, conditions: await conditionsOf(bench, variant, reference) });
  return described;
}

function probesFor(bench: Bench, parts: readonly PartName[]): readonly Probe<Variant>[] {
  const { course } = bench;
  const probes = [
    sizeProbe(bench),
    bootProbe(bench),
    ...(isTcg(bench) ? [bootInstructionsProbe(bench)] : []),
    leastMemoryProbe(bench),
    residentProbe(bench),
    callsProbe(bench),
    ...(course.until === "answer" ? serverProbes(bench, course.server) : []),
  ];
  return probes.filter(({ part }) => parts.includes(part));
}

function serverProbes(
  bench: Bench,
  server: Extract<Course, { until: "answer" }>["server"],
): readonly Probe<Variant>[] {
  return [loadProbe(bench, server), ...(isTcg(bench) ? [requestInstructionsProbe(bench, server)] : [])];
}

function partNotes({ course }: Bench, parts: readonly PartName[]): readonly string[] {
  if (!parts.includes("server") || course.until === "answer") return [];
  const noClient = "Throughput and latency were not measured: no client is known for this program.";
  const noEnd = "The program did not end by itself, so its boots were followed to its start alone.";
  return course.until === "start" ? [noClient, noEnd] : [noClient];
}
