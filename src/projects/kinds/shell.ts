// SPDX-License-Identifier: MIT
/** Scripts of a shell: of the usual names, or a file that does not name its shell. */
import { join } from "node:path";
import type { Kind, Plan, Project } from "../plan.js";
import { planOf } from "../plan-parts.js";
import { runtimeFor } from "../runtimes.js";
import { scriptFiles } from "../script-files.js";

const wish = { title: "the shell", programs: ["sh"], versionArgs: ["-c", ":"], package: "dash" } as const;
const usualScripts = ["start.sh", "run.sh", "main.sh"];

export const shell: Kind = {
  name: "shell",
  title: "a shell script",
  looksFor: usualScripts.join(", "),
  extensions: [".sh"],
  recognise(project) {
    const { file } = project;
    const names = file === undefined ? usualScripts.filter((name) => project.has(name)) : [file];
    return names.map((name) => {
      const because = file === undefined ? `there is ${name}` : "a file of a shell's commands";
      return { rank: "last", because, plan: () => planShell(project, name, because) };
    });
  },
};

async function planShell(project: Project, name: string, because: string): Promise<Plan> {
  const script = join(project.directory, name);
  const parts = { kind: "shell", because: [because], files: scriptFiles(project, [".sh"]) };
  // Its first line names what executes it, which the build follows as the kernel does.
  if (/^#!/.test(project.text(name) ?? "")) return planOf(project, { ...parts, program: script, args: [] });
  const runtime = await runtimeFor(project, wish);
  return planOf(project, { ...parts, runtime, program: runtime.path, args: [script] });
}
