// SPDX-License-Identifier: MIT
// Runs classes of stress-ng, every stressor alone for a second (--seq 1 --timeout 1), on this host and in guests of both
// modes. A machine that crashes fails the run, and so does a warning of its kernel, and a difference from the host that
// scripts/suites/stress-differences.json does not explain. With --write the table goes into docs/suites.md.
//
//   npm run test:stress -- [CLASS...] [--only STRESSOR,...] [--write]
//
// Needs root's rights, for what stressors do on the host they do in namespaces of their own; and stress-ng.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeBelow } from "./measure/modes.js";
import { formatTable } from "./measure/table.js";
import { explainDifferences, leftOut } from "./suites/explanations.js";
import { buildSuite, modes, runHere, runInGuests } from "./suites/machines.js";

const stressNg = "/usr/bin/stress-ng";
const document = new URL("../docs/suites.md", import.meta.url);
const differences = JSON.parse(
  readFileSync(new URL("suites/stress-differences.json", import.meta.url), "utf8"),
);
const results = new URL("../test-results/suites/", import.meta.url);
const allClasses = ["pipe", "scheduler", "interrupt", "vm", "memory", "os", "filesystem", "network"];
/** stress-ng 0.15: exit statuses. */
const [success, noResource, notImplemented] = [0, 3, 4];
const limitSeconds = 90;
/** Some take all that they can fill in a second. */
const machine = { memory: "4G", cpus: 2 };

const { values: flags, positionals } = parseArgs({
  options: { write: { type: "boolean", default: false }, only: { type: "string" } },
  allowPositionals: true,
});
const classes = positionals.length === 0 ? allClasses : positionals;
const members = new Map(classes.map((name) => [name, stressorsOf(name)]));
const only = flags.only?.split(",");
const names = [...new Set([...members.values()].flat())]
  .filter((name) => only?.includes(name) ?? true)
  .sort();

const scratch = mkdtempSync(join(tmpdir(), "ukl-stress-"));
try {
  const found = await runEverywhere();
  const verdicts = Object.fromEntries(
    Object.entries(found).map(([where, one]) => [where, verdictsOf(where, one)]),
  );
  const reports = Object.fromEntries(Object.entries(found).map(([where, one]) => [where, reportsOf(one)]));
  keep(verdicts, reports);
  const { known, unknown } = explainDifferences({ names, verdicts, reports, differences });
  const tables = `${summaryTable(verdicts)}`;
  process.stdout.write(`${tables}\n${differencesTable(known)}`);
  for (const { name, mode, here, there, report } of unknown) {
    process.stdout.write(`${name}: ${here} here, ${there} in ${mode}\n${report.replaceAll(/^/gm, "    ")}\n`);
  }
  const words = modes.flatMap((mode) => found[mode].words.map((word) => `${mode}: ${word}`));
  for (const word of words) process.stdout.write(`${word}\n`);
  process.exitCode = words.length + unknown.length === 0 ? 0 : 1;
  if (flags.write && process.exitCode === 0) {
    writeBelow(document, "### stress-ng: stressors by class", tables);
    writeBelow(document, "### stress-ng: what differs from the host", differencesTable(known));
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function stressorsOf(name) {
  // What a class contains it tells when it is asked for with a question mark, and ends with a failure.
  const { stdout, stderr } = spawnSync(stressNg, ["--class", `${name}?`], { encoding: "utf8" });
  const list = /^class '[^']*' stressors: (.*)$/m.exec(stdout + stderr)?.[1];
  if (list === undefined) throw new Error(`stress-ng knows no class ${name}`);
  return list.trim().split(/\s+/);
}

/** All machines at once: most stressors wait more than they work. */
async function runEverywhere() {
  const found = await Promise.all(["host", ...modes].map(async (where) => [where, await runOn(where)]));
  return Object.fromEntries(found);
}

async function runOn(where) {
  const tests = names
    .filter((name) => leftOut(differences, where, name) === undefined)
    .map((name) => ({
      name,
      seconds: limitSeconds,
      command: `${stressNg} --${name} 1 --timeout 1 --verify`,
    }));
  const onResult = (name, { status }) => process.stderr.write(`${where}: ${name} ${status}\n`);
  if (where === "host") return runHere({ tests, scratch, onResult });
  const include = { [stressNg]: stressNg };
  const { imagePath } = await buildSuite({ mode: where, tests, programs: [stressNg], include, scratch });
  return runInGuests({ imagePath, tests, ...machine, scratch, onResult });
}

function verdictsOf(where, { results: outcomes }) {
  return new Map(
    names.map((name) => [
      name,
      leftOut(differences, where, name) === undefined ? verdict(outcomes.get(name)) : "left out",
    ]),
  );
}

function verdict({ status, report }) {
  if (status === "lost") return "lost";
  if (
    status === noResource ||
    status === notImplemented ||
    /skipping stressor|will be skipped/.test(report)
  ) {
    return "skipped";
  }
  return status === success ? "passed" : "failed";
}

function reportsOf({ results: outcomes }) {
  return new Map([...outcomes].map(([name, { report }]) => [name, report]));
}

function summaryTable(verdicts) {
  const rows = [...members].map(([name, all]) => {
    const counts = ["host", ...modes].map((where) =>
      ["passed", "failed", "skipped", "left out"].map(
        (wanted) => all.filter((one) => verdicts[where].get(one) === wanted).length,
      ),
    );
    return [name, all.length, ...counts.map((some) => some.join(" / "))];
  });
  return formatTable(["class", "stressors", ...["host", ...modes]], rows);
}

function differencesTable(known) {
  const rows = new Map();
  for (const { name, mode, here, there, because } of known) {
    const row = rows.get(name) ?? { name, here, because };
    rows.set(name, { ...row, [mode]: there });
  }
  return formatTable(
    ["stressor", "host", ...modes, "because"],
    [...rows.values()].map((row) => [
      row.name,
      row.here,
      ...modes.map((mode) => row[mode] ?? row.here),
      row.because,
    ]),
  );
}

function keep(verdicts, reports) {
  mkdirSync(results, { recursive: true });
  const rows = names.map((name) => ({
    name,
    ...Object.fromEntries(
      ["host", ...modes].map((where) => [
        where,
        { verdict: verdicts[where].get(name), report: reports[where].get(name) },
      ]),
    ),
  }));
  writeFileSync(new URL("stress.json", results), JSON.stringify(rows, null, 1));
}
