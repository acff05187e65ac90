// SPDX-License-Identifier: MIT
/** The report of `ukl bench`, as `--json` prints it and every other form is made from. */
import { z } from "zod";

const figure = z.number().nonnegative();

/** What a part of the report is about, in its order. */
export const partNames = ["size", "boot", "memory", "calls", "server"] as const;
export type PartName = (typeof partNames)[number];

const result = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("measured"),
    variant: z.string(),
    samples: z.array(figure).min(1),
    median: figure,
    /** Median absolute deviation. */
    deviation: figure,
    /** Of the medians, this variant's to the reference's, with a 95 % confidence interval. */
    ratio: z.strictObject({ value: figure, low: figure, high: figure }).optional(),
  }),
  z.strictObject({ kind: z.literal("notMeasured"), variant: z.string(), because: z.string() }),
]);

const metric = z.strictObject({
  part: z.enum(partNames),
  name: z.string(),
  unit: z.enum(["bytes", "MiB", "ms", "ns", "instructions", "per second"]),
  better: z.enum(["less", "more"]),
  /** The host's speed at emulating is in it: the ratio says little of a real processor. */
  isEmulatedTime: z.boolean(),
  results: z.array(result),
});

const variant = z.strictObject({
  name: z.string(),
  /** What it is measured under, by name: kernel, mode, memory, mitigations. */
  conditions: z.record(z.string(), z.string()),
});

const reportSchema = z.strictObject({
  schemaVersion: z.literal(1),
  tool: z.string(),
  /** What was measured. */
  target: z.string(),
  host: z.strictObject({
    processor: z.string(),
    processors: z.int().positive(),
    accelerator: z.enum(["kvm", "tcg"]),
    qemu: z.string(),
  }),
  runs: z.int().positive(),
  /** Of the random numbers behind the confidence intervals. */
  seed: z.int().nonnegative(),
  /** The variant that ratios are to. */
  reference: z.string(),
  variants: z.array(variant).min(1),
  metrics: z.array(metric),
  /** What is to be known of the figures. */
  notes: z.array(z.string()),
});

export type Report = z.infer<typeof reportSchema>;
export type Metric = z.infer<typeof metric>;
export type Result = z.infer<typeof result>;

/** What `--json` printed. Throws where it is no report. */
export function parseReport(text: string): Report {
  return reportSchema.parse(JSON.parse(text));
}

/** The JSON Schema published as docs/bench.schema.json. */
export function benchJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(reportSchema.meta({ title: "Report of ukl bench" }));
}
