// SPDX-License-Identifier: MIT
// Where a suite has another result in a guest than on this host, its file of differences says why.
//
// leftOut: [{ tests, machines, because }], what a machine does not run. rules: [{ tests, machines, onHost, verdicts,
// says, saysOnHost, because }], of which the first that fits a difference is its reason; what a rule leaves out it does
// not ask for. tests are names, or { matching: a pattern }; onHost and verdicts are results on the host and in the guest;
// says and saysOnHost are patterns of what the test said there; $1 of the reason is what the first group of one matched.
import { modes } from "./names.js";

/** Why a machine does not run a test, or undefined. */
export function leftOut(differences, where, name) {
  return differences.leftOut.find(({ machines, tests }) => machines.includes(where) && matches(tests, name))
    ?.because;
}

/** Each with its reason, and those that have none: { name, mode, here, there }. */
export function explainDifferences({ names, verdicts, reports, differences }) {
  const known = [];
  const unknown = [];
  for (const name of names) {
    for (const mode of modes) {
      const [here, there] = [verdicts.host.get(name), verdicts[mode].get(name)];
      if (here === there) continue;
      const difference = { name, mode, here, there };
      const [report, reportHere] = [reports[mode].get(name) ?? "", reports.host.get(name) ?? ""];
      const because =
        leftOut(differences, mode, name) ??
        leftOut(differences, "host", name) ??
        reasonOf(
          differences.rules.find((rule) => applies(rule, difference, report, reportHere)),
          report,
          reportHere,
        );
      // What was not run yet may come to anything.
      if (because === undefined || [here, there].includes("not run")) unknown.push({ ...difference, report });
      else known.push({ ...difference, because });
    }
  }
  return { known, unknown };
}

function reasonOf(rule, report, reportHere) {
  const [pattern, text] = rule?.says === undefined ? [rule?.saysOnHost, reportHere] : [rule.says, report];
  const found = pattern === undefined ? undefined : new RegExp(pattern).exec(text);
  return rule?.because.replaceAll("$1", found?.[1] ?? "");
}

function applies(rule, { name, mode, here, there }, report, reportHere) {
  const { tests, machines = modes, verdicts, onHost, says, saysOnHost } = rule;
  if (tests !== undefined && !matches(tests, name)) return false;
  return (
    machines.includes(mode) &&
    (verdicts === undefined || verdicts.includes(there)) &&
    (onHost === undefined || onHost.includes(here)) &&
    (says === undefined || new RegExp(says).test(report)) &&
    (saysOnHost === undefined || new RegExp(saysOnHost).test(reportHere))
  );
}

function matches(tests, name) {
  return Array.isArray(tests) ? tests.includes(name) : new RegExp(`^(?:${tests.matching})$`).test(name);
}
