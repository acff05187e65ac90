// SPDX-License-Identifier: MIT
/** The answer to `--why NAME`: every chain of functions that was found to lead to a call. */
import { UklError } from "../errors.js";
import { explainIncomplete } from "./format.js";
import { plural, printable, wrap } from "./layout.js";
import type { Inspection } from "./schema.js";
import { allSyscalls, syscallNumber } from "./syscall-names.js";

/** One function a line and unshortened, so that the lines can be searched for. Throws UKL-101. */
export function formatWhy(inspection: Inspection, name: string): string {
  const call = inspection.syscalls.find((candidate) => candidate.name === name);
  if (call === undefined) return explainAbsence(inspection, name);
  const { number, layers, evidence } = printable(call);
  const chains = evidence.map(({ root, chain, library, symbol, offset }) =>
    [
      `from ${root}`,
      ...chain.map((step) => `  ${step}`),
      `  system call at ${offset} in ${library}:${symbol}`,
    ].join("\n"),
  );
  const found =
    evidence.length > 0
      ? plural(evidence.length, "chain")
      : "no chain: it stands for sites whose number is not known";
  return `${[`${name} (${number}), in ${layers.join(", ")}: ${found}`, ...chains].join("\n\n")}\n`;
}

function explainAbsence(inspection: Inspection, name: string): string {
  if (syscallNumber(name) === undefined) throw unknownName(name);
  const warning = explainIncomplete(inspection);
  return [`nothing reaches ${name}`, ...(warning === undefined ? [] : wrap(warning))]
    .map((line) => `${line}\n`)
    .join("");
}

function unknownName(name: string): UklError {
  const shown = printable(name);
  return new UklError("UKL-101", {
    what: `'${shown}' is not a system call`,
    cause: "x86-64 has no call of that name",
    fix: `did you mean ${nearestNames(name).join(", ")}?`,
  });
}

/** The three names with the fewest letters to change. */
function nearestNames(name: string): string[] {
  const wanted = name.slice(0, 64).toLowerCase();
  return allSyscalls
    .map((call) => ({ name: call.name, distance: editDistance(wanted, call.name) }))
    .sort((one, other) => one.distance - other.distance)
    .slice(0, 3)
    .map((call) => call.name);
}

/** Levenshtein's: `row[j]` is the distance of the part of `from` seen so far to the first j letters of `to`. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (to[j - 1] === letter ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
