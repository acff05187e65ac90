// SPDX-License-Identifier: MIT
// Runs classes of stress-ng, every stressor alone for a second (--seq 1 --timeout 1), on this host and in guests of both
// modes. A machine that crashes fails the run, and so does a warning of its kernel, and a difference from the host that
// scripts/suites/stress-differences.json does not explain. With --write the tables go into docs/suites.md.
//
//   npm run test:stress -- [CLASS...] [--write]          and the options of scripts/suites/suite.js
//
// Needs root's rights, for what stressors do on the host they do in namespaces of their own; and stress-ng.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { formatTable } from "./measure/table.js";
import { buildSuite, runHere, runInGuests, scratchDirectory } from "./suites/machines.js";
import { machines, modes } from "./suites/names.js";
import { runSuite, suiteOptions } from "./suites/suite.js";

const stressNg = "/usr/bin/stress-ng";
const allClasses = ["pipe", "scheduler", "interrupt", "vm", "memory", "os", "filesystem", "network"];
/** stress-ng 0.15: exit statuses. */
const [success, noResource, notImplemented] = [0, 3, 4];
/** What stress-ng says of stressors that it does not run here, or only when it is asked to do harm. */
const unsupported = /skipping stressor|will be skipped|--pathological/;
const limitSeconds = 90;
/** Some take all that they can fill in a second. */
const machine = { memory: "4G", cpus: 2 };

const { values: flags, positionals } = parseArgs({ options: suiteOptions, allowPositionals: true });
const classes = positionals.length === 0 ? allClasses : positionals;
const members = new Map(classes.map((name) => [name, stressorsOf(name)]));
const names = [...new Set([...members.values()].flat())].sort();
const scratch = scratchDirectory("stress");
await runSuite({ name: "stress", names, verdict, runOn, tables }, flags);

function stressorsOf(name) {
  // What a class contains it tells when it is asked for with a question mark, and ends with a failure.
  const { stdout, stderr } = spawnSync(stressNg, ["--class", `${name}?`], { encoding: "utf8" });
  const list = /^class '[^']*' stressors: (.*)$/m.exec(stdout + stderr)?.[1];
  if (list === undefined) throw new Error(`stress-ng knows no class ${name}`);
  return list.trim().split(/\s+/);
}

async function runOn(where, wanted, onResult) {
  const tests = wanted.map((name) => ({
    name,
    seconds: limitSeconds,
    command: `${stressNg} --${name} 1 --timeout 1 --verify`,
  }));
  if (where === "host") return runHere({ tests, scratch, onResult });
  const include = { [stressNg]: stressNg };
  const suite = { mode: where, shares: [tests], programs: [stressNg], include, scratch };
  const { imagePath } = await buildSuite(suite);
  return runInGuests({ imagePath, tests, ...machine, scratch, onResult });
}

function verdict({ status, report }) {
  if (status === "lost") return "lost";
  if (status === noResource || status === notImplemented || unsupported.test(report)) return "skipped";
  return status === success ? "passed" : "failed";
}

function tables(verdicts, known) {
  return {
    "### Stressors by class": classTable(verdicts),
    "### Where a stressor differs from the host": differencesTable(known),
  };
}

function classTable(verdicts) {
  const rows = [...members].map(([name, all]) => {
    const counts = machines.map((where) =>
      ["passed", "failed", "skipped", "left out"].map(
        (wanted) => all.filter((one) => verdicts[where].get(one) === wanted).length,
      ),
    );
    return [name, all.length, ...counts.map((some) => some.join(" / "))];
  });
  return formatTable(["class", "stressors", ...machines], rows);
}

function differencesTable(known) {
  const rows = new Map();
  for (const { name, mode, here, there, because } of known) {
    rows.set(name, { ...(rows.get(name) ?? { name, here, because }), [mode]: there });
  }
  return formatTable(
    ["stressor", "host", ...modes, "because"],
    [...rows.values()].map((row) => [
      ...[row.name, row.here],
      ...modes.map((mode) => row[mode] ?? row.here),
      row.because,
    ]),
  );
}
