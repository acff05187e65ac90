// SPDX-License-Identifier: MIT
/** Runtimes for tests that want none of this machine: shell scripts that say of themselves what a runtime says. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";

/** Until the test has ended, only these programs are on the way of PATH. Returns the directory in which they are. */
export function onlyPrograms(programs: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), "ukl-stand-ins-"));
  // No package is theirs.
  for (const [name, script] of Object.entries({ "dpkg-query": "exit 1", ...programs }))
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  vi.stubEnv("PATH", directory);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}
