// SPDX-License-Identifier: MIT
// Adds up the results that the test runs left, and prints them as one line. A run without results is a failure.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const directory = process.argv[2] ?? "test-results";
const expected = ["boot.json", "unit.json"];
const present = expected.filter((name) => existsSync(join(directory, name)));
const total = { passed: 0, failed: 0, skipped: 0 };
for (const name of present) {
  const results = JSON.parse(readFileSync(join(directory, name), "utf8"));
  total.passed += results.numPassedTests;
  // A file that could not be run at all has no tests to count, but has failed.
  const failedFiles = results.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed"),
  );
  total.failed += results.numFailedTests + failedFiles.length;
  total.skipped += results.numPendingTests + results.numTodoTests;
}
total.failed += expected.length - present.length;
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
if (total.failed > 0 || total.skipped > 0) process.exitCode = 1;
