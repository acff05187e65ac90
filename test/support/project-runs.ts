// SPDX-License-Identifier: MIT
/** A project started by its path, in a guest and, as its plan says, on this host. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { planProject } from "../../src/projects/recognise.js";
import { cliPath } from "./cli.js";
import type { Mode } from "./harness.js";
import { patience } from "./patience.js";

export interface ProjectOutcome {
  readonly output: string;
  readonly exitStatus: number | null;
}

export function writeProject(directory: string, files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

/** What a guest's program finds that nobody tells more. */
const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", TERM: "linux" };

export function runInGuest(place: string, mode: Mode, args: readonly string[]): ProjectOutcome {
  const options = ["--mode", mode, "--kernel", "generic", "--timeout", String(patience(100))];
  const words = [cliPath, "run", place, ...options, "--", ...args];
  const { stdout, stderr, status } = spawnSync(process.execPath, words, { encoding: "utf8", input: "" });
  if (/error\[/.test(stderr)) throw new Error(stderr);
  return { output: stdout, exitStatus: status };
}

/** Makes what the plan makes first, and removes it with the rest of the test's. */
export async function runOnHost(place: string, args: readonly string[]): Promise<ProjectOutcome> {
  const plan = await planProject(place);
  if (plan.steps.length > 0)
    onTestFinished(() => rmSync(dirname(plan.program), { recursive: true, force: true }));
  for (const step of plan.steps) spawnSync(step.tool, step.args, { cwd: step.cwd, stdio: "inherit" });
  const { stdout, status } = spawnSync(plan.program, [...plan.args, ...args], {
    cwd: plan.workingDirectory,
    env: { ...environment, ...plan.environment },
    encoding: "utf8",
    input: "",
  });
  return { output: stdout, exitStatus: status };
}
