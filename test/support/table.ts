// SPDX-License-Identifier: MIT
/** The table of docs/fixtures.md, from what a test run saw. */
import type { Fixture } from "./fixtures.js";

export interface SeenRun {
  readonly fixture: string;
  readonly run: string;
  readonly mode: "unikernel" | "classic";
  readonly cpus: number;
  readonly exitStatus: number;
  readonly passed: boolean;
}

const introduction = `# Fixtures

Each program below is built in both modes, booted, and compared with the same program on the host: exit status
and every byte it prints. This file is written by the boot tests (\`UKL_UPDATE_DOCS=1 npm test\`), and the boot
tests fail when it says anything else than what they saw.

| fixture | what it shows | runs | CPUs | unikernel | classic |
| --- | --- | --- | --- | --- | --- |
`;

export function formatFixtureTable(fixtures: readonly Fixture[], seen: readonly SeenRun[]): string {
  const rows = fixtures.map((fixture) => {
    const verdict = (mode: SeenRun["mode"]): string => {
      const runs = seen.filter((run) => run.fixture === fixture.name && run.mode === mode);
      const failed = runs.filter((run) => !run.passed).length;
      if (runs.length !== fixture.runs.length * fixture.cpus.length) return "not run";
      return failed === 0
        ? `${runs.length} of ${runs.length} as expected`
        : `${failed} of ${runs.length} failed`;
    };
    const cells = [
      `\`${fixture.name}\``,
      fixture.description.replaceAll("|", "\\|"),
      String(fixture.runs.length),
      fixture.cpus.join(", "),
      verdict("unikernel"),
      verdict("classic"),
    ];
    return `| ${cells.join(" | ")} |\n`;
  });
  return introduction + rows.join("");
}
