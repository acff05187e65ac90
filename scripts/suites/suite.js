// SPDX-License-Identifier: MIT
// Runs a suite on this host and in both modes, compares, and says what fails: a difference without an explanation, a
// machine that crashed, a word of its kernel.
//
//   --only TEST,...  these tests, beside the results of the last run
//   --again          those whose difference has no explanation, beside the results of the last run
//   --judge          none: what is known of the last run
//   --write          the tables go into docs/suites.md
import { readFileSync } from "node:fs";
import { writeBelow } from "../measure/modes.js";
import { explainDifferences, leftOut } from "./explanations.js";
import { machines } from "./names.js";
import { Record } from "./record.js";

const document = new URL("../../docs/suites.md", import.meta.url);
export const suiteOptions = {
  only: { type: "string" },
  again: { type: "boolean", default: false },
  judge: { type: "boolean", default: false },
  write: { type: "boolean", default: false },
};

/**
 * suite: { name, names: of its tests, verdict({ status, report }), runOn(where, names, onResult): troubles,
 * tables(verdicts, known): from heading to table }
 */
export async function runSuite(suite, flags) {
  const differences = JSON.parse(
    readFileSync(new URL(`${suite.name}-differences.json`, import.meta.url), "utf8"),
  );
  const record = new Record(suite.name);
  const wanted = chooseTests(suite, flags, record, differences);
  await Promise.all(
    machines.map(async (where) => {
      const names = wanted.filter((name) => leftOut(differences, where, name) === undefined);
      if (names.length === 0) return;
      const troubles = await suite.runOn(where, names, (name, result) => {
        process.stderr.write(`${where}: ${name} ${result.status}\n`);
        record.add(where, name, result);
      });
      for (const trouble of troubles) record.addTrouble(where, trouble);
    }),
  );
  const { verdicts, known, unknown, troubles } = judge(suite, record, differences);
  const tables = suite.tables(verdicts, known);
  for (const [heading, table] of Object.entries(tables)) process.stdout.write(`${heading}\n${table}\n`);
  for (const { name, mode, here, there, report } of unknown) {
    process.stdout.write(`${name}: ${here} here, ${there} in ${mode}\n${report.replaceAll(/^/gm, "    ")}\n`);
  }
  for (const trouble of troubles) process.stdout.write(`${trouble}\n`);
  const counts = `${suite.names.length} tests, ${unknown.length} unexplained differences`;
  process.stdout.write(`${counts}, ${troubles.length} times trouble\n`);
  process.exitCode = unknown.length + troubles.length === 0 ? 0 : 1;
  if (!flags.write || process.exitCode !== 0) return;
  for (const [heading, table] of Object.entries(tables)) writeBelow(document, heading, table);
}

function chooseTests(suite, { only, again, judge: isJudged }, record, differences) {
  if (isJudged) return [];
  if (only !== undefined) return only.split(",");
  if (again) return [...new Set(judge(suite, record, differences).unknown.map(({ name }) => name))];
  record.clear();
  return suite.names;
}

function judge({ names, verdict }, record, differences) {
  const { results, troubles } = record.read();
  const known = (where, name) => {
    if (leftOut(differences, where, name) !== undefined) return "left out";
    const result = results.get(where)?.get(name);
    return result === undefined ? "not run" : verdict(result);
  };
  const each = (make) =>
    Object.fromEntries(
      machines.map((where) => [where, new Map(names.map((name) => [name, make(where, name)]))]),
    );
  const verdicts = each(known);
  const reports = each((where, name) => results.get(where)?.get(name)?.report ?? "");
  const crashes = names.flatMap((name) =>
    machines.flatMap((where) =>
      verdicts[where].get(name) === "lost" ? [`${where}: ${name} ended the machine`] : [],
    ),
  );
  return {
    verdicts,
    ...explainDifferences({ names, verdicts, reports, differences }),
    troubles: [...crashes, ...troubles],
  };
}
