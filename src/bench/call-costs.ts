// SPDX-License-Identifier: MIT
/** What the program in bench/system-calls/ prints. */
import { UklError } from "../errors.js";
import { packageFile } from "../host/places.js";

const folder = ["bench", "system-calls"] as const;
const units = ["main", "conditions", "files", "memory", "waiting", "messages", "processes"];

/** The sources of the program. */
export const callSources: readonly string[] = units.map((unit) => packageFile(...folder, `${unit}.c`));

/** With this argument the program tells its conditions, and measures nothing. */
export const conditionsArgument = "conditions";

/** Of one call in ticks of the time stamp counter, by name. Throws UKL-802 where there are none. */
export function readCosts(output: string): ReadonlyMap<string, number> {
  const lines = readLines("cost", output);
  // A call may seem to take less than nothing where the counter is coarse.
  const costs = new Map(lines.map(([name, ticks]) => [name, Math.max(0, Number(ticks))]));
  if (costs.size > 0 && [...costs.values()].every(Number.isFinite)) return costs;
  throw new UklError("UKL-802", {
    what: "the system calls were not measured",
    cause:
      output.trim() === "" ? "the program printed nothing" : `the program printed: ${output.slice(-500)}`,
    fix: "see whether an image runs at all: ukl run",
  });
}

/** What the guest found of itself, by name. */
export function readConditions(output: string): Readonly<Record<string, string>> {
  return Object.fromEntries(readLines("condition", output));
}

function readLines(kind: string, output: string): readonly (readonly [name: string, value: string])[] {
  const lines = output.matchAll(/^(\w+) ([^:\n]+): (.*?)\r?$/gm);
  return [...lines].flatMap(([, word, name = "", value = ""]) =>
    word === kind ? [[name, value] as const] : [],
  );
}
