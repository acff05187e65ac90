// SPDX-License-Identifier: MIT
/** Bun: a project that its package manager locked, where Bun is installed. Node takes it otherwise. */
import { join } from "node:path";
import { z } from "zod";
import { onPath } from "../../host/programs.js";
import { parseJson } from "../../json.js";
import { simpleCommand } from "../command-line.js";
import type { Kind, Plan, Project } from "../plan.js";
import { cannotStart, planOf } from "../plan-parts.js";
import { projectTree } from "../project-tree.js";
import { runtimeFor } from "../runtimes.js";

const wish = { title: "Bun", programs: ["bun"], package: "bun" } as const;
const locks = ["bun.lock", "bun.lockb"];
const usualFiles = ["index.ts", "index.js", "src/index.ts", "server.ts"];

const schema = z.object({
  module: z.string().optional(),
  main: z.string().optional(),
  scripts: z.record(z.string(), z.string()).optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
});

export const bun: Kind = {
  name: "bun",
  title: "Bun",
  looksFor: "bun.lock, and Bun on this machine",
  extensions: [],
  async recognise(project) {
    if (project.file !== undefined || !locks.some((name) => project.has(name))) return [];
    if ((await onPath("bun", project.directory)) === undefined) return [];
    const { scripts, module, main, dependencies } =
      schema.safeParse(parseJson(project.text("package.json") ?? "")).data ?? {};
    const script = scripts?.["start"];
    const file = [module, main, ...usualFiles].find((name) => name !== undefined && project.has(name));
    if (script === undefined && file === undefined) return [];
    const because =
      script === undefined ? `bun.lock, and there is ${file}` : `bun.lock, and the start script: ${script}`;
    const plan = () => {
      if (Object.keys(dependencies ?? {}).some((name) => !project.has(join("node_modules", name))))
        throw cannotStart(
          project,
          "what bun.lock names is not installed",
          `run 'bun install' in ${project.place}`,
        );
      return planBun(project, because, script ?? `bun ${file}`);
    };
    return [{ rank: "written", because, plan: async () => plan() }];
  },
};

async function planBun(project: Project, because: string, command: string): Promise<Plan> {
  const { environment, words } = simpleCommand(command, `the start script of ${project.place}/package.json`);
  const [program = "", ...args] = words;
  if (program !== "bun")
    throw cannotStart(
      project,
      `the start script starts ${program}, and not bun`,
      "choose another kind with --as",
    );
  const runtime = await runtimeFor(project, wish);
  return planOf(project, {
    kind: "bun",
    because: [because],
    runtime,
    program: runtime.path,
    args,
    environment,
    files: [projectTree(project, "nothing says which of it Bun loads: all of it")],
  });
}
