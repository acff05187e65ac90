// SPDX-License-Identifier: MIT
// Compares what was predicted with what was seen, and writes the table of it.

/**
 * Both scores of one program; `main` is missing when the trace does not show where main begins. After main, the
 * layers that can be switched off are counted apart: a call that only they predict counts on neither side.
 */
export function score(name, { syscalls, complete, timingsMs }, seen) {
  const inLayers = (wanted) =>
    new Set(syscalls.filter(({ layers }) => layers.some(wanted)).map((call) => call.name));
  const main = inLayers((layer) => layer === "main");
  const apart = inLayers((layer) => layer !== "main" && layer !== "startup");
  const ownCalls = (names) => new Set([...names].filter((call) => main.has(call) || !apart.has(call)));
  return {
    name,
    complete,
    inspectMs: timingsMs.total,
    all: compare(
      inLayers(() => true),
      seen.all,
    ),
    main: seen.main === undefined ? undefined : compare(main, ownCalls(seen.main)),
  };
}

function compare(predicted, seen) {
  const truePositives = [...seen].filter((name) => predicted.has(name)).length;
  const precision = ratio(truePositives, predicted.size);
  const recall = ratio(truePositives, seen.size);
  return {
    seen: seen.size,
    predicted: predicted.size,
    truePositives,
    falseNegatives: [...seen].filter((name) => !predicted.has(name)).sort(),
    falsePositives: [...predicted].filter((name) => !seen.has(name)).sort(),
    precision,
    recall,
    f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
  };
}

function ratio(part, whole) {
  return whole === 0 ? 1 : part / whole;
}

/** The calls of either score that were seen and not predicted. */
export function falseNegatives({ all, main }) {
  return [...new Set([...all.falseNegatives, ...(main?.falseNegatives ?? [])])].sort();
}

const scoreColumns = ["seen", "predicted", "recall", "precision", "F1"];

export function formatTable(scores) {
  const header = ["program", ...scoreColumns, ...scoreColumns.map((name) => `${name}, after main`)];
  const rows = [[...header, "seen, not predicted", "complete", "inspect"], ...scores.map(formatRow)];
  if (scores.length > 1) rows.push(formatMeans(scores));
  const lines = rows.map((row) => `| ${row.join(" | ")} |`);
  lines.splice(1, 0, `|${" --- |".repeat(rows[0].length)}`);
  return `${lines.join("\n")}\n`;
}

function formatRow(row) {
  const missing = falseNegatives(row).map((name) => `\`${name}\``);
  const time = row.inspectMs === undefined ? "–" : `${(row.inspectMs / 1000).toFixed(2)} s`;
  const cells = [row.name, ...formatScore(row.all), ...formatScore(row.main)];
  return [...cells, missing.join(", ") || "none", row.complete ? "yes" : "no", time];
}

function formatScore(part) {
  if (part === undefined) return scoreColumns.map(() => "–");
  const ratios = [part.recall, part.precision, part.f1].map((value) => value.toFixed(2));
  return [part.seen, part.predicted, ...ratios];
}

function formatMeans(scores) {
  const means = (parts) => {
    const mean = (value) => parts.reduce((sum, part) => sum + value(part), 0) / Math.max(parts.length, 1);
    const counts = [(part) => part.seen, (part) => part.predicted].map((value) => mean(value).toFixed(0));
    const ratios = ["recall", "precision", "f1"].map((name) => mean((part) => part[name]).toFixed(2));
    return [...counts, ...ratios];
  };
  const main = scores.map((row) => row.main).filter((part) => part !== undefined);
  const missing = scores.reduce((sum, row) => sum + falseNegatives(row).length, 0);
  const complete = `${scores.filter((row) => row.complete).length} of ${scores.length}`;
  const time = scores.reduce((sum, row) => sum + (row.inspectMs ?? 0), 0) / scores.length / 1000;
  return [
    "mean",
    ...means(scores.map((row) => row.all)),
    ...means(main),
    missing,
    complete,
    `${time.toFixed(2)} s`,
  ];
}
