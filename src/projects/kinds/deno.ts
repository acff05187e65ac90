// SPDX-License-Identifier: MIT
/** Deno: the start task of its configuration, or a file where it is installed and Node is not meant. */
import { join } from "node:path";
import { z } from "zod";
import { attempt } from "../../host/exec.js";
import { onPath } from "../../host/programs.js";
import { parseJson } from "../../json.js";
import { simpleCommand } from "../command-line.js";
import type { Kind, Plan, Project, Start } from "../plan.js";
import { cannotStart, planOf, refusedStart } from "../plan-parts.js";
import { runtimeFor } from "../runtimes.js";
import { scriptFiles } from "../script-files.js";

const wish = { title: "Deno", programs: ["deno"], package: "deno" } as const;
const configurations = ["deno.json", "deno.jsonc"];
const usualFiles = ["main.ts", "main.js", "mod.ts", "server.ts"];

const schema = z.object({
  tasks: z.record(z.string(), z.union([z.string(), z.object({ command: z.string().optional() })])).optional(),
});

/** Of `deno info --json`. */
const infoSchema = z.object({ denoDir: z.string().startsWith("/").optional() });

export const deno: Kind = {
  name: "deno",
  title: "Deno",
  looksFor: "deno.json with a start task, or main.ts beside it",
  extensions: [".ts", ".js", ".mts", ".tsx"],
  async recognise(project) {
    const configuration = configurations.find((name) => project.has(name));
    const { file } = project;
    if (file !== undefined) {
      const isMeant =
        configuration !== undefined || /\bDeno\.\w|["'](?:jsr|npm|https):/.test(project.text(file) ?? "");
      if (!isMeant || (await onPath("deno", project.directory)) === undefined) return [];
      return [startOf(project, "a file that Deno takes", ["run", "-A", join(project.directory, file)])];
    }
    if (configuration === undefined) return [];
    const parsed = schema.safeParse(parseJson(withoutComments(project.text(configuration) ?? "")));
    if (!parsed.success) {
      const error = cannotStart(
        project,
        `${configuration}: it is not understood`,
        `correct ${configuration}`,
      );
      return [refusedStart("written", configuration, error)];
    }
    const task = parsed.data.tasks?.["start"];
    const command = typeof task === "string" ? task : task?.command;
    if (command !== undefined) return [taskStart(project, configuration, command)];
    return usualFiles
      .filter((name) => project.has(name))
      .map((name) =>
        startOf(project, `${configuration}, and there is ${name}`, [
          "run",
          "-A",
          join(project.directory, name),
        ]),
      );
  },
};

/** As JSONC has them, outside of strings. */
function withoutComments(text: string): string {
  return text
    .replaceAll(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (_, kept?: string) => kept ?? "")
    .replaceAll(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, (_, kept?: string) => kept ?? "");
}

function startOf(project: Project, because: string, args: readonly string[]): Start {
  return { rank: "written", because, plan: () => planDeno(project, because, args) };
}

function taskStart(project: Project, configuration: string, command: string): Start {
  const because = `the start task of ${configuration}: ${command}`;
  const plan = async () => {
    const { environment, words } = simpleCommand(
      command,
      `the start task of ${project.place}/${configuration}`,
    );
    const [program = "", ...args] = words;
    if (program !== "deno")
      throw cannotStart(
        project,
        `${because}: it starts ${program}, and not deno`,
        "name the file that it starts",
      );
    return planDeno(project, because, args, environment);
  };
  return { rank: "written", because, plan };
}

async function planDeno(
  project: Project,
  because: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Plan> {
  const runtime = await runtimeFor(project, wish);
  const { stdout } = await attempt({ tool: runtime.path, args: ["info", "--json"] }, { timeoutMs: 20_000 });
  const cache = infoSchema.safeParse(parseJson(stdout)).data?.denoDir;
  const modules =
    cache === undefined
      ? []
      : [{ title: "modules", because: "where Deno keeps what it fetched", paths: [cache] }];
  return planOf(project, {
    kind: "deno",
    because: [because],
    runtime,
    program: runtime.path,
    args,
    environment: { ...(cache === undefined ? {} : { DENO_DIR: cache }), ...environment },
    files: [...scriptFiles(project, [".ts", ".js", ".json"]), ...modules],
  });
}
