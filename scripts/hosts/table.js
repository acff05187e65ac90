// SPDX-License-Identifier: MIT
// What the suites did on each Debian, as kept by earlier runs, and the page that tells it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Of a report of vitest: for each file what passed and was skipped, which tests failed, and how long it took. */
export function filesOf(report) {
  return Object.fromEntries(
    report.testResults.map(({ name, status, startTime, endTime, assertionResults }) => {
      const path = name.replace(/^.*\/(?=test\/)/, "");
      const having = (wanted) => assertionResults.filter((each) => wanted.includes(each.status));
      const failed = having(["failed"]).map(({ fullName }) => `${path}: ${fullName}`);
      // A file that could not be run at all has no tests to count, but has failed.
      const failures = failed.length === 0 && status === "failed" ? [path] : failed;
      const skipped = having(["pending", "skipped", "todo"]).length;
      const seconds = Math.round((endTime - startTime) / 1000);
      return [path, { passed: having(["passed"]).length, failures, skipped, seconds }];
    }),
  );
}

/** `result` is `{ tools, files }`. Of a `part` the other files stay as an earlier run left them. */
export function keepResult(directory, suite, result, part) {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${suite}.json`);
  const before = part && existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).files : {};
  writeFileSync(path, JSON.stringify({ ...result, files: { ...before, ...result.files } }, null, 2));
}

/** What was kept for a release, in the order of the suites: `{ suite, tools, passed, failures, skipped, seconds }`. */
export function keptResults(directory, suites) {
  const pathOf = (suite) => join(directory, `${suite}.json`);
  return suites
    .filter((suite) => existsSync(pathOf(suite)))
    .map((suite) => {
      const { tools, files } = JSON.parse(readFileSync(pathOf(suite), "utf8"));
      return { suite, tools, ...totalOf(files) };
    });
}

export function totalOf(files) {
  const all = Object.values(files);
  const sum = (key) => all.reduce((total, each) => total + each[key], 0);
  const failures = all.flatMap((each) => each.failures);
  return { passed: sum("passed"), failures, skipped: sum("skipped"), seconds: sum("seconds") };
}

const columns = ["host", "suite", "passed", "failed", "skipped", "minutes"];

/** `hosts` are `{ title, tools, results }`. */
export function tableOf(hosts) {
  const rows = hosts.flatMap(({ title, results }) =>
    results.map(({ suite, passed, failures, skipped, seconds }) => [
      title,
      suite,
      passed,
      failures.length,
      skipped,
      Math.ceil(seconds / 60),
    ]),
  );
  return [columns, columns.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |\n`).join("");
}

export function pageOf(hosts) {
  const tools = hosts.map(({ title, tools }) => `- ${title}: ${tools}\n`).join("");
  const failures = hosts.flatMap(({ title, results }) =>
    results.flatMap(({ suite, failures }) => failures.map((name) => `- ${title}, ${suite}: ${name}\n`)),
  );
  return `# Hosts

What \`npm run setup\` and the tests do on a fresh Debian, each in a container with namespaces of its own: of each test
file the last run. Written by \`npm run test:hosts -- --write\`, from what the tests reported.

${tableOf(hosts)}
## Tools

${tools}${failures.length === 0 ? "" : `\n## What fails\n\n${failures.join("")}`}`;
}
