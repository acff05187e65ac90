// SPDX-License-Identifier: MIT
/** R: a script. */
import { join } from "node:path";
import { attempt } from "../../host/exec.js";
import { onPath } from "../../host/programs.js";
import { libraryDirectories } from "../library-directories.js";
import type { FileGroup, Kind, Plan, Project } from "../plan.js";
import { cannotStart, isThere, planOf } from "../plan-parts.js";
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
const variables = ["R_HOME", "R_SHARE_DIR", "R_INCLUDE_DIR", "R_DOC_DIR", "LD_LIBRARY_PATH"];
const askForVariables = [
  "-e",
  `found <- Sys.getenv(c(${variables.map((name) => `"${name}"`).join(", ")})); cat(paste0(names(found), "=", found), sep = "\\n")`,
];

/** By which R looks for programs while it loads (Sys.which), and removes its files as it ends. Its code is compiled. */
async function ownCommands(project: Project): Promise<FileGroup> {
  const found = await Promise.all(["which", "rm"].map((name) => onPath(name, project.directory)));
  const paths = found.flatMap((program) => (program === undefined ? [] : [program.path]));
  return { title: "commands", because: "R executes them as it starts and ends", paths };
}

/** Rscript starts a shell script, which sets these and starts the program itself: so much is known before. */
async function planR(project: Project, file: string, because: string): Promise<Plan> {
  const runtime = await runtimeFor(project, wish);
  const { stdout } = await attempt({ tool: runtime.path, args: askForVariables }, { timeoutMs: 20_000 });
  const pairs = [...stdout.matchAll(/^(\w+)=(.+)$/gm)].map(
    ([, name = "", value = ""]) => [name, value] as const,
  );
  const environment = Object.fromEntries(pairs.filter(([name]) => variables.includes(name)));
  const program = `${environment["R_HOME"]}/bin/exec/R`;
  if (!isThere(project, program))
    throw cannotStart(
      project,
      `${runtime.path} does not say where its parts are`,
      "install r-base-core again",
    );
  return planOf(project, {
    kind: "r",
    because: [because],
    runtime,
    program,
    args: ["--no-echo", "--no-restore", `--file=${join(project.directory, file)}`, "--args"],
    environment,
    files: [
      ...scriptFiles(project, [".R", ".r"]),
      ...(await libraryDirectories(project, runtime, { title: "libraries", args: askForPaths })),
      await ownCommands(project),
    ],
  });
}
