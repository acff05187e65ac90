// SPDX-License-Identifier: MIT
/** The report for a terminal, and as Markdown for documents. */
import {
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

type Row = readonly string[];
type Table = (rows: readonly Row[]) => string;

export function formatReport(report: Report): string {
  const { target } = report;
  const head = `${target} on ${hostTitle(report)}\n`;
  const list = (items: readonly string[]) => items.map((item) => `  ${item}\n`).join("");
  const sections = partTables(report, alignedTable).map(([title, table]) => `${title}\n${table}`);
  const missing = missingFigures(report);
  return [
    head,
    ...sections,
    ...(missing.length === 0 ? [] : [`Not measured\n${list(missing)}`]),
    `What differs\n${conditionList(report, "  ")}`,
    `Notes\n${list(report.notes)}`,
  ].join("\n");
}

/** Without a heading of its own; its sections are of `level`. */
export function formatMarkdown(report: Report, level: number): string {
  const heading = (title: string) => `${"#".repeat(level)} ${title}\n\n`;
  const list = (items: readonly string[]) => items.map((item) => `- ${item}\n`).join("");
  const missing = missingFigures(report);
  return [
    ...partTables(report, markdownTable).map(([title, table]) => `${heading(title)}${table}`),
    ...(missing.length === 0 ? [] : [`${heading("Not measured")}${list(missing)}`]),
    `${heading("What differs")}${conditionList(report, "")}`,
  ].join("\n");
}

function partTables(report: Report, format: Table): readonly (readonly [title: string, table: string])[] {
  return partsOf(report).map(([part, metrics]) => [partTitles[part], format(metricRows(report, metrics))]);
}

function metricRows({ variants, reference }: Report, metrics: readonly Metric[]): readonly Row[] {
  const head = variants.flatMap(({ name }) => (name === reference ? [name] : [name, `to ${reference}`]));
  const rows = metrics.map((metric) => {
    const cells = metric.results.flatMap((result) => {
      const figure = formatResult(result, metric);
      return result.variant === reference ? [figure] : [figure, formatRatio(result)];
    });
    return [metric.name, unitTitle(metric), ...cells];
  });
  return [["", "unit", ...head], ...rows];
}

/** What differs with a line a variant, and then what all have. Values are long: no table has room for them. */
function conditionList(report: Report, indent: string): string {
  const { differing, common } = splitConditions(report);
  const own = (name: string) =>
    report.variants.map(
      (variant) => `${indent}  - ${variant.name}: ${variant.conditions[name] ?? "not known"}\n`,
    );
  const lines = differing.flatMap((name) => [`${indent}- ${name}\n`, ...own(name)]);
  const same = common.map(([name, value]) => `${indent}  - ${name}: ${value}\n`);
  return [...lines, ...(same.length === 0 ? [] : [`${indent}- the same in all\n`, ...same])].join("");
}

function alignedTable(rows: readonly Row[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: Row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  return rows.map((row) => `  ${line(row).trimEnd()}\n`).join("");
}

/** The first column is text, and so is every one that has anything but figures. */
function markdownTable([head = [], ...rows]: readonly Row[]): string {
  const align = head.map((_, column) =>
    column > 0 && rows.every((row) => /^[\d–]|^$/.test(row[column] ?? "")) ? "---:" : "---",
  );
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return [head, align, ...rows].map((row) => `| ${row.map(cell).join(" | ")} |\n`).join("");
}
