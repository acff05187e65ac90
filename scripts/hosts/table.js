// SPDX-License-Identifier: MIT
// What the suites did on each Debian, as kept by earlier runs, and the page that tells it.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Passed, failed and skipped of a report of vitest, with the names of those that failed. */
export function summarize(report) {
  const failures = report.testResults.flatMap((file) => {
    const failed = file.assertionResults.filter(({ status }) => status === "failed");
    const name = file.name.replace(/^.*\/(?=test\/)/, "");
    // A file that could not be run at all has no tests to count, but has failed.
    if (failed.length === 0) return file.status === "failed" ? [name] : [];
    return failed.map(({ fullName }) => `${name}: ${fullName}`);
  });
  return {
    passed: report.numPassedTests,
    failed: failures.length,
    skipped: report.numPendingTests + report.numTodoTests,
    failures,
  };
}

export function keepResult(directory, suite, result) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${suite}.json`), JSON.stringify(result, null, 2));
}

/** The rows that were kept for a release, in the order of the suites. */
export function keptResults(directory, suites) {
  if (!existsSync(directory)) return [];
  const present = readdirSync(directory);
  return suites
    .filter((suite) => present.includes(`${suite}.json`))
    .map((suite) => ({ suite, ...JSON.parse(readFileSync(join(directory, `${suite}.json`), "utf8")) }));
}

const columns = ["host", "suite", "passed", "failed", "skipped", "minutes"];

/** `hosts` are `{ title, tools, results }`. */
export function tableOf(hosts) {
  const rows = hosts.flatMap(({ title, results }) =>
    results.map(({ suite, passed, failed, skipped, seconds }) => [
      title,
      suite,
      passed,
      failed,
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

What \`npm run setup\` and the tests do on a fresh Debian, each in a container with namespaces of its own. Written by
\`npm run test:hosts -- --write\`, from what the tests reported.

${tableOf(hosts)}
## Tools

${tools}${failures.length === 0 ? "" : `\n## What fails\n\n${failures.join("")}`}`;
}
