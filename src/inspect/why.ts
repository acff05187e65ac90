// SPDX-License-Identifier: MIT
/** The answer to `--why NAME`: every chain of functions that was found to lead to a call. */
import { UklError } from "../errors.js";
import { nearest } from "../nearest.js";
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
    fix: `did you mean ${nearestNames(name)}?`,
  });
}

function nearestNames(name: string): string {
  const names = allSyscalls.map((call) => call.name);
  return nearest(name, names)
    .slice(0, 3)
    .map(({ candidate }) => candidate)
    .join(", ");
}
