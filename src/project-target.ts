// SPDX-License-Identifier: MIT
/** A project as the target of a command: whether a path is one, its plan, and the configuration that follows. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { mergeFlags } from "./config/merge.js";
import type { ResolvedConfiguration } from "./config/schema.js";
import { run } from "./host/exec.js";
import { readStart } from "./host/files.js";
import { findProgram } from "./host/programs.js";
import { configurationOf } from "./projects/configuration.js";
import type { Plan } from "./projects/plan.js";
import { isProjectFile, planProject } from "./projects/recognise.js";

/** A directory that is no container's layout, or a file that does not say by itself what executes it. */
export async function isProject(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  if (status?.isDirectory())
    return (await stat(join(path, "oci-layout")).catch(() => undefined)) === undefined;
  if (!status?.isFile() || !isProjectFile(path)) return false;
  const start = Buffer.from(await readStart(path, 128)).toString("latin1");
  // Node's scripts are traced, with or without a first line.
  return !/^#!|^\x7fELF/.test(start) || /^#![^\n]*\bnode\b/.test(start);
}

/** What a project's own configuration is written in. */
const configurationFiles = ["ukl.config.ts", "ukl.config.json"];

export async function configurationIn(directory: string): Promise<string | undefined> {
  for (const name of configurationFiles) {
    const path = directory === "." ? name : join(directory, name);
    if ((await stat(path).catch(() => undefined))?.isFile()) return path;
  }
  return undefined;
}

/** Makes what the plan makes. Throws UKL-404 where that fails. */
export async function configurationOfProject(plan: Plan): Promise<ResolvedConfiguration> {
  await make(plan);
  return mergeFlags(undefined, configurationOf(plan));
}

async function make({ steps }: Plan): Promise<void> {
  for (const step of steps) await run(step);
}

/** What is executed of a target that is inspected: of a project its runtime, with the arguments that start it. */
export async function executedOf(
  name: string,
): Promise<{ readonly path: string; readonly args: readonly string[] }> {
  if (!(await isProject(name))) return { path: await findProgram(name), args: [] };
  const plan = await planProject(name);
  await make(plan);
  return { path: plan.program, args: plan.args };
}
