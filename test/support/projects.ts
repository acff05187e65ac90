// SPDX-License-Identifier: MIT
/** Projects for tests, each in a directory of its own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { UklError } from "../../src/errors.js";
import type { Plan } from "../../src/projects/plan.js";
import { planProject } from "../../src/projects/recognise.js";

export interface Workshop {
  /** Writes the files, and returns the path of their directory. */
  readonly make: (files: Readonly<Record<string, string>>) => string;
  readonly dispose: () => void;
}

export function workshop(): Workshop {
  const top = mkdtempSync(join(tmpdir(), "ukl-projects-"));
  let count = 0;
  return {
    make(files) {
      const directory = join(top, `project${++count}`);
      mkdirSync(directory);
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(directory, name)), { recursive: true });
        writeFileSync(join(directory, name), text);
      }
      return directory;
    },
    dispose: () => rmSync(top, { recursive: true, force: true }),
  };
}

/** What the guest executes, with the directory of the project as `.`. */
export async function commandOf(directory: string, name?: string): Promise<readonly string[]> {
  const { args } = await planOf(directory, name);
  return args.map((word) => word.replaceAll(`${directory}/`, "./").replace(directory, "."));
}

export function planOf(directory: string, name?: string, as?: string): Promise<Plan> {
  return planProject(name === undefined ? directory : join(directory, name), as);
}

/** The code and words of the failure to plan. */
export async function refusal(directory: string, name?: string): Promise<readonly string[]> {
  const error = await planOf(directory, name).then(
    () => undefined,
    (thrown: UklError) => thrown,
  );
  return error === undefined ? [] : [error.code, error.detail.cause, error.detail.fix];
}
