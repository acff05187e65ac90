// SPDX-License-Identifier: MIT
/** Predicted and seen calls side by side, as people read them in a terminal. */
import { elide, plural, printable, wrap } from "./layout.js";
import type { TraceComparison } from "./trace.js";

const columnWidth = 33;

/** At most 100 columns wide. */
export function formatTrace(comparison: TraceComparison): string {
  const { trace, predicted, seen, both, unpredicted, end, complete } = printable(comparison);
  const counts = new Map<string, number>();
  for (const { name, count } of trace.calls) counts.set(name, (counts.get(name) ?? 0) + count);
  const counted = (name: string) => `${name} ${counts.get(name)}`;
  const ended = "signal" in end ? `was ended by ${end.signal}` : `exited with ${end.exitStatus}`;
  const lines = [
    ...wrap(trace.program.path),
    `  ${plural(trace.runs, "run")}; the last one ${ended}`,
    `  ${predicted.length} predicted, ${seen.length} seen, ${both.length} both`,
    "",
    ...sideBySide([
      ["predicted, not seen", predicted.filter((name) => !counts.has(name))],
      ["predicted and seen", both.map(counted)],
      ["seen, not predicted", unpredicted.map(counted)],
    ]),
    ...describeFindings(trace),
    ...(complete
      ? []
      : wrap("not every number could be determined: see 'ukl inspect' without --trace", "! ")),
  ];
  return `${lines.join("\n")}\n`;
}

function sideBySide(columns: readonly (readonly [title: string, names: readonly string[]])[]): string[] {
  const cells = columns.map(([title, names]) => [
    `${title}: ${names.length}`,
    ...names.map((name) => `  ${name}`),
  ]);
  const height = Math.max(...cells.map(({ length }) => length));
  return Array.from({ length: height }, (_, row) =>
    cells
      .map((column) => elide(column[row] ?? "", columnWidth - 1).padEnd(columnWidth))
      .join("")
      .trimEnd(),
  );
}

function describeFindings({ loadedLater, executed, calls }: TraceComparison["trace"]): string[] {
  const ofIa32 = calls.filter(({ abi }) => abi === "i386").map(({ name }) => name);
  return [
    ...list("runs code of files that are not loaded at start, so their calls are not predicted", loadedLater),
    ...list("executes other files, whose calls are not counted", executed),
    ...list("makes calls through the 32-bit table", ofIa32),
  ];
}

function list(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : ["", `${title}:`, ...items.flatMap((item) => wrap(item, "  "))];
}
