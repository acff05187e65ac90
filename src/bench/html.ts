// SPDX-License-Identifier: MIT
/** The report as one page that needs nothing else: no script, no network. It is well-formed XML, too. */
import { barChart, escapeMarkup } from "./chart.js";
import {
  formatFigure,
  formatRatio,
  formatResult,
  hostTitle,
  missingFigures,
  partsOf,
  partTitles,
  splitConditions,
  unitTitle,
} from "./figures.js";
import type { Metric, Report } from "./schema.js";

/** How many colours the style sheet has. */
const colours = 6;

/** `style` is a style sheet, bench/report.css. */
export function formatHtml(report: Report, style: string): string {
  const { target } = report;
  const parts = partsOf(report).map(
    ([part, metrics]) =>
      `<section><h2>${partTitles[part]}</h2><div class="charts">${metrics.map((metric) => chart(report, metric)).join("")}</div>${metricTable(report, metrics)}</section>`,
  );
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width"/>
<title>${escapeMarkup(target)}: ukl bench</title>
<style>${style}</style></head>
<body><h1>${escapeMarkup(target)}</h1><p>${escapeMarkup(hostTitle(report))}</p>
${list(report.notes)}
${parts.join("\n")}
${section("Not measured", missingFigures(report))}
<section><h2>What differs</h2>${conditionTable(report)}</section>
</body></html>
`;
}

function chart({ variants }: Report, metric: Metric): string {
  const bars = metric.results.flatMap((result) => {
    if (result.kind === "notMeasured") return [];
    const colour = variants.findIndex(({ name }) => name === result.variant) % colours;
    const { variant: label, median: value, deviation: spread } = result;
    return [{ label, value, spread, text: formatFigure(value, metric.unit), colour }];
  });
  const better = metric.better === "less" ? "less is better" : "more is better";
  const caption = `${escapeMarkup(metric.name)} <small>${escapeMarkup(unitTitle(metric))}; ${better}</small>`;
  return `<figure><figcaption>${caption}</figcaption>${barChart(metric.name, bars)}</figure>`;
}

function metricTable({ variants, reference }: Report, metrics: readonly Metric[]): string {
  const rows = metrics.map((metric) => [
    metric.name,
    unitTitle(metric),
    ...metric.results.map((result) => [formatResult(result, metric), formatRatio(result)].join(" ").trim()),
  ]);
  const names = variants.map(({ name }) => (name === reference ? `${name} (reference)` : name));
  return table(["", "unit", ...names], rows);
}

function conditionTable(report: Report): string {
  const { variants } = report;
  const { differing, common } = splitConditions(report);
  const rows = differing.map((name) => [
    name,
    ...variants.map(({ conditions }) => conditions[name] ?? "not known"),
  ]);
  const same = common.map(([name, value]) => [name, value, ...variants.slice(1).map(() => "same")]);
  return table(["", ...variants.map(({ name }) => name)], [...rows, ...same]);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeMarkup(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table><thead>${line(head, "th")}</thead><tbody>${rows.map((row) => line(row, "td")).join("")}</tbody></table></div>`;
}

function section(title: string, items: readonly string[]): string {
  return items.length === 0 ? "" : `<section><h2>${title}</h2>${list(items)}</section>`;
}

function list(items: readonly string[]): string {
  return `<ul>${items.map((item) => `<li>${escapeMarkup(item)}</li>`).join("")}</ul>`;
}
