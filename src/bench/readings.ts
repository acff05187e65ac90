// SPDX-License-Identifier: MIT
/** Takes figures of all variants in turns, so that what else the host does meets all alike. */
import { UklError } from "../errors.js";
import type { Metric, PartName, Result } from "./schema.js";
import { ratioOf, summarize } from "./statistics.js";

export type MetricName = Omit<Metric, "results">;

/** One figure, or why there is none. */
export type Reading = MetricName & ({ readonly value: number } | { readonly because: string });

/** A way to get some figures of a variant at once. */
export interface Probe<Variant> {
  readonly part: PartName;
  /** What is being done, for the user to see. */
  readonly step: string;
  /** The figures are the same each time: once is enough. */
  readonly isExact: boolean;
  /** Throws UklError where the variant cannot be measured. */
  measure(variant: Variant): Promise<readonly Reading[]>;
}

export interface Named {
  readonly name: string;
}

/** What one probe found, by variant, in the order of the runs. */
interface Findings {
  readonly readings: readonly (readonly Reading[])[];
  readonly error?: UklError;
}

export interface Taken {
  readonly metrics: readonly Metric[];
  /** Why there are none, where no variant could be measured. */
  readonly because?: string;
}

/** The metrics of a probe. A variant that fails is not tried again, and its results say why. */
export async function takeReadings<Variant extends Named>(
  probe: Probe<Variant>,
  variants: readonly Variant[],
  { runs, seed, reference }: { readonly runs: number; readonly seed: number; readonly reference: string },
  onFraction: (fraction: number) => void,
): Promise<Taken> {
  const findings = new Map<string, Findings>(variants.map(({ name }) => [name, { readings: [] }]));
  const times = probe.isExact ? 1 : runs;
  let done = 0;
  for (let run = 0; run < times; run++) {
    for (const variant of turned(variants, run)) {
      const { readings = [], error } = findings.get(variant.name) ?? {};
      if (error !== undefined) continue;
      findings.set(variant.name, await attempt(probe, variant, readings));
      done += 1;
      onFraction(done / (times * variants.length));
    }
  }
  const metrics = compose(findings, { seed, reference });
  const [first] = [...findings.values()].flatMap(({ error }) => error ?? []);
  return first === undefined || metrics.length > 0 ? { metrics } : { metrics, because: explain(first) };
}

async function attempt<Variant>(
  probe: Probe<Variant>,
  variant: Variant,
  earlier: Findings["readings"],
): Promise<Findings> {
  try {
    return { readings: [...earlier, await probe.measure(variant)] };
  } catch (error) {
    if (error instanceof UklError) return { readings: earlier, error };
    throw error;
  }
}

/** Another variant comes first each time. */
function turned<T>(values: readonly T[], by: number): readonly T[] {
  const place = by % values.length;
  return [...values.slice(place), ...values.slice(0, place)];
}

function compose(
  findings: ReadonlyMap<string, Findings>,
  { seed, reference }: { readonly seed: number; readonly reference: string },
): readonly Metric[] {
  const metrics = new Map<string, MetricName>();
  for (const { readings } of findings.values()) {
    for (const { part, name, unit, better, isEmulatedTime } of readings.flat())
      if (!metrics.has(name)) metrics.set(name, { part, name, unit, better, isEmulatedTime });
  }
  return [...metrics.values()].map((metric) => {
    const samples = (variant: string) =>
      (findings.get(variant)?.readings.flat() ?? []).flatMap((reading) =>
        reading.name === metric.name && "value" in reading ? [reading.value] : [],
      );
    const referenceSamples = samples(reference);
    const results = [...findings].map(([variant, found]): Result => {
      const own = samples(variant);
      if (own.length === 0) return { kind: "notMeasured", variant, because: reasonFor(metric.name, found) };
      const isComparable = variant !== reference && referenceSamples.some((sample) => sample > 0);
      const ratio = isComparable ? { ratio: ratioOf(own, referenceSamples, seed) } : {};
      return { kind: "measured", variant, samples: own, ...summarize(own), ...ratio };
    });
    return { ...metric, results };
  });
}

function reasonFor(name: string, { readings, error }: Findings): string {
  if (error !== undefined) return explain(error);
  const reading = readings.flat().find((each) => each.name === name);
  return reading !== undefined && "because" in reading ? reading.because : "there is no such figure of it";
}

function explain({ detail: { what, cause } }: UklError): string {
  return `${what}: ${cause}`;
}
