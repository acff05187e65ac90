// SPDX-License-Identifier: MIT
/** How figures are written, in every form of the report. */
import type { Metric, PartName, Report, Result } from "./schema.js";

export const partTitles: Readonly<Record<PartName, string>> = {
  size: "Image size",
  boot: "Boot",
  memory: "Memory",
  calls: "System calls",
  server: "Under its client",
};

/** With its unit. */
export function formatFigure(value: number, unit: Metric["unit"]): string {
  switch (unit) {
    case "bytes":
      return `${(value / 1e6).toFixed(2)} MB`;
    case "MiB":
      return `${value} MiB`;
    case "ms":
      return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
    case "ns":
      return `${value.toFixed(0)} ns`;
    case "instructions":
      return value < 1e6 ? value.toFixed(0) : `${(value / 1e6).toFixed(2)} M`;
    case "per second":
      return `${value.toFixed(0)}/s`;
  }
}

export function unitTitle({ unit, isEmulatedTime }: Metric): string {
  const title = {
    bytes: "MB",
    MiB: "MiB",
    ms: "ms",
    ns: "ns",
    instructions: "instructions",
    "per second": "1/s",
  }[unit];
  return isEmulatedTime ? `${title}, emulated` : title;
}

/** The median, its spread where there are several samples, and the ratio to the reference. */
export function formatResult(result: Result, { unit }: Metric): string {
  if (result.kind === "notMeasured") return "–";
  const { median, deviation, samples } = result;
  const spread = deviation === 0 ? "±0" : `±${formatFigure(deviation, unit)}`;
  return samples.length > 1 ? `${formatFigure(median, unit)} ${spread}` : formatFigure(median, unit);
}

/** Such as `0.48×` or `0.97× (0.95–1.01)`; empty where there is none. */
export function formatRatio(result: Result): string {
  if (result.kind === "notMeasured" || result.ratio === undefined) return "";
  const { value, low, high } = result.ratio;
  return low === high
    ? `${value.toFixed(2)}×`
    : `${value.toFixed(2)}× (${low.toFixed(2)}–${high.toFixed(2)})`;
}

/** The parts that have figures, in their order. */
export function partsOf({ metrics }: Report): readonly (readonly [PartName, readonly Metric[]])[] {
  const parts = Object.keys(partTitles) as readonly PartName[];
  return parts
    .map((part) => [part, metrics.filter((metric) => metric.part === part)] as const)
    .filter(([, own]) => own.length > 0);
}

/** Why figures are missing, each reason once a variant, with what is missing. */
export function missingFigures({ metrics }: Report): readonly string[] {
  const missing = new Map<string, string[]>();
  for (const { name, results } of metrics) {
    for (const result of results) {
      if (result.kind === "measured") continue;
      const reason = `${result.variant}: ${result.because}`;
      missing.set(reason, [...(missing.get(reason) ?? []), name]);
    }
  }
  return [...missing].map(([reason, [first = "", ...others]]) => {
    const what = others.length === 0 ? first : `${first} and ${others.length} more`;
    return `${reason} (${what})`;
  });
}

/** Conditions that differ between variants first, and those that are the same in all. */
export function splitConditions({ variants }: Report): {
  readonly differing: readonly string[];
  readonly common: readonly (readonly [name: string, value: string])[];
} {
  const names = [...new Set(variants.flatMap(({ conditions }) => Object.keys(conditions)))];
  const valuesOf = (name: string) => new Set(variants.map(({ conditions }) => conditions[name]));
  const differing = names.filter((name) => valuesOf(name).size > 1);
  const common = names.filter((name) => !differing.includes(name));
  return { differing, common: common.map((name) => [name, variants[0]?.conditions[name] ?? ""]) };
}

/** Where it was measured, and how often. */
export function hostTitle({ host, runs }: Pick<Report, "host" | "runs">): string {
  return `${host.qemu}, ${host.accelerator}, ${host.processors} × ${host.processor}; ${runs} runs`;
}
