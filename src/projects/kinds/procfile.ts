// SPDX-License-Identifier: MIT
/** Procfile: a line for each process of an application, NAME: COMMAND. */
import { join } from "node:path";
import { z } from "zod";
import { onPath } from "../../host/programs.js";
import { parseJson } from "../../json.js";
import { simpleCommand } from "../command-line.js";
import type { Kind, Plan, Project } from "../plan.js";
import { cannotStart, isThere, planOf } from "../plan-parts.js";
import { projectTree } from "../project-tree.js";
import { runtimeAt } from "../runtimes.js";

/** Platforms say by $PORT where the application has to listen. */
const port = 8000;
const portVariable = /\$(?:PORT\b|\{PORT(?::-\d+)?\})/g;

interface Line {
  readonly name: string;
  readonly command: string;
}

export const procfile: Kind = {
  name: "procfile",
  title: "an application with a Procfile",
  looksFor: "Procfile with a line web:",
  extensions: [],
  recognise(project) {
    const lines = project.file === undefined ? linesOf(project.text("Procfile") ?? "") : [];
    const web = lines.filter(({ name }) => name === "web");
    const chosen = web.length > 0 ? web : lines.filter(({ name }) => name !== "release");
    // What package.json says too is for its kind to start.
    const script = startScript(project);
    return chosen
      .filter(({ command }) => command !== script && !/^(?:npm|yarn|pnpm|bun) (?:run )?start$/.test(command))
      .map((line) => {
        const because = `the line of Procfile: ${line.name}: ${line.command}`;
        return { rank: "written", because, plan: () => planLine(project, line, lines, because) };
      });
  },
};

const manifestSchema = z.object({ scripts: z.object({ start: z.string() }) });

function startScript(project: Project): string | undefined {
  return manifestSchema.safeParse(parseJson(project.text("package.json") ?? "")).data?.scripts.start;
}

function linesOf(text: string): readonly Line[] {
  return [...text.matchAll(/^([\w-]+):[ \t]*(\S.*?)[ \t\r]*$/gm)].map(([, name = "", command = ""]) => ({
    name,
    command,
  }));
}

async function planLine(
  project: Project,
  { name, command }: Line,
  lines: readonly Line[],
  because: string,
): Promise<Plan> {
  const { environment, words } = simpleCommand(
    command.replaceAll(portVariable, `${port}`),
    `${name}: of ${project.directory}/Procfile`,
  );
  const [word = "", ...args] = words;
  const program = await programOf(project, word);
  const isWeb = name === "web";
  const runtime =
    isThere(project, program) && !program.startsWith(`${project.directory}/`) ? program : undefined;
  return planOf(project, {
    kind: "procfile",
    because: isWeb ? [because, `PORT is ${port}, as a platform says it`] : [because],
    ...(runtime === undefined
      ? {}
      : { runtime: await runtimeAt(runtime, { title: word, programs: [word], package: word }) }),
    program,
    args,
    environment: isWeb ? { PORT: `${port}`, ...environment } : environment,
    files: [projectTree(project, "nothing says which of it the command opens: all of it")],
    ports: isWeb ? [port] : [],
    notUnderstood: lines
      .filter((line) => line.name !== name)
      .map((line) => `the process ${line.name} of Procfile, which is not started`),
  });
}

/** Where packages of the project's languages have their programs. */
const ownPrograms = [".", "bin", "node_modules/.bin", ".venv/bin", "venv/bin"];

/** A file of the project, or a program of this machine. Throws UKL-242. */
async function programOf(project: Project, word: string): Promise<string> {
  const places = word.includes("/") ? ["."] : ownPrograms.slice(1);
  const own = places
    .map((place) => join(place, word))
    .find((path) => project.has(path) && !project.isDirectory(path));
  if (own !== undefined && !word.startsWith("/")) return join(project.directory, own);
  const found = word.startsWith("/") ? { path: word } : await onPath(word, project.directory);
  if (found !== undefined && isThere(project, found.path)) return found.path;
  throw cannotStart(
    project,
    `Procfile starts ${word}, which is neither in the project nor on this machine`,
    "build or install it first, or write the command into ukl.config.ts ('ukl init')",
  );
}
