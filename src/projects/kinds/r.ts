// SPDX-License-Identifier: MIT
/** R: a script. */
import { join } from "node:path";
import { libraryDirectories } from "../library-directories.js";
import type { Kind, Plan, Project } from "../plan.js";
import { planOf } from "../plan-parts.js";
import { runtimeFor } from "../runtimes.js";
import { scriptFiles } from "../script-files.js";

const wish = { title: "R", programs: ["Rscript"], package: "r-base-core" } as const;
const usualScripts = ["main.R", "app.R"];

export const r: Kind = {
  name: "r",
  title: "R",
  looksFor: "main.R or app.R",
  extensions: [".R", ".r"],
  recognise(project) {
    const { file } = project;
    if (file !== undefined)
      return [{ rank: "written", because: "a file of R", plan: () => planR(project, file, "a file of R") }];
    return usualScripts
      .filter((name) => project.has(name))
      .map((name) => ({
        rank: "usual",
        because: `there is ${name}`,
        plan: () => planR(project, name, `there is ${name}`),
      }));
  },
};

const askForPaths = ["-e", "cat(c(R.home(), .libPaths()), sep = '\\n')"];

async function planR(project: Project, file: string, because: string): Promise<Plan> {
  const runtime = await runtimeFor(project, wish);
  return planOf(project, {
    kind: "r",
    because: [because],
    runtime,
    program: runtime.path,
    args: [join(project.directory, file)],
    files: [
      ...scriptFiles(project, [".R", ".r"]),
      ...(await libraryDirectories(project, runtime, { title: "libraries", args: askForPaths })),
    ],
  });
}
