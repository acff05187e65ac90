// SPDX-License-Identifier: MIT
/** The suites of others: a difference from the host needs a reason that fits it. */
import { expect, test } from "vitest";
import { explainDifferences, leftOut } from "../scripts/suites/explanations.js";

const differences = {
  leftOut: [{ machines: ["host"], tests: { matching: "clock_.*" }, because: "it sets the clock" }],
  rules: [
    { tests: ["swap"], says: "errno=38", because: "no swap" },
    { verdicts: ["CONF"], says: "Constraint '(CONFIG_\\w+)", because: "no $1" },
    { machines: ["classic"], tests: ["ring"], because: "ring 3" },
    { saysOnHost: "EPERM", because: "the host may not" },
  ],
};

function explained(name: string, results: Record<string, [string, string]>) {
  const of = (index: 0 | 1) =>
    Object.fromEntries(
      ["host", "unikernel", "classic"].map((where) => [
        where,
        new Map([[name, results[where]?.[index] ?? ""]]),
      ]),
    );
  return explainDifferences({ names: [name], verdicts: of(0), reports: of(1), differences });
}

test.each([
  ["the same result", "any", { host: ["PASS", ""], unikernel: ["PASS", ""], classic: ["PASS", ""] }, [], []],
  [
    "what the rule names",
    "swap",
    { host: ["PASS", ""], unikernel: ["FAIL", "errno=38"], classic: ["FAIL", "errno=38"] },
    ["no swap", "no swap"],
    [],
  ],
  [
    "another failure of the same test",
    "swap",
    { host: ["PASS", ""], unikernel: ["FAIL", "errno=5"], classic: ["FAIL", "errno=38"] },
    ["no swap"],
    ["unikernel"],
  ],
  [
    "what a pattern found",
    "any",
    {
      host: ["PASS", ""],
      unikernel: ["CONF", "Constraint 'CONFIG_X=y'"],
      classic: ["FAIL", "Constraint 'CONFIG_X'"],
    },
    ["no CONFIG_X"],
    ["classic"],
  ],
  [
    "a rule of one mode",
    "ring",
    { host: ["PASS", ""], unikernel: ["FAIL", ""], classic: ["FAIL", ""] },
    ["ring 3"],
    ["unikernel"],
  ],
  [
    "what the host said",
    "any",
    { host: ["BROK", "EPERM"], unikernel: ["PASS", ""], classic: ["PASS", ""] },
    ["the host may not", "the host may not"],
    [],
  ],
  [
    "what is left out",
    "clock_settime01",
    { host: ["left out", ""], unikernel: ["PASS", ""], classic: ["PASS", ""] },
    ["it sets the clock", "it sets the clock"],
    [],
  ],
  [
    "what was not run",
    "any",
    { host: ["BROK", "EPERM"], unikernel: ["not run", ""], classic: ["PASS", ""] },
    ["the host may not"],
    ["unikernel"],
  ],
] as const)("%s", (_what, name, results, reasons, unknown) => {
  const found = explained(name, results as unknown as Record<string, [string, string]>);
  expect(found.known.map(({ because }) => because)).toEqual(reasons);
  expect(found.unknown.map(({ mode }) => mode)).toEqual(unknown);
});

test("what is left out on one machine runs on the others", () => {
  expect(leftOut(differences, "host", "clock_settime01")).toBe("it sets the clock");
  expect(leftOut(differences, "host", "a_clock_")).toBeUndefined();
  expect(leftOut(differences, "classic", "clock_settime01")).toBeUndefined();
});
