// SPDX-License-Identifier: MIT
/** A site of files, with a small server of this machine. */
import { attempt } from "../../host/exec.js";
import { onPath } from "../../host/programs.js";
import type { Kind, Plan, Project } from "../plan.js";
import { cannotStart, nameOf, planOf } from "../plan-parts.js";
import { projectTree } from "../project-tree.js";
import { runtimeAt } from "../runtimes.js";

const port = 8000;

export const staticSite: Kind = {
  name: "static",
  title: "a static site",
  looksFor: "index.html",
  extensions: [],
  recognise(project) {
    if (project.file !== undefined || !project.has("index.html")) return [];
    return [{ rank: "last", because: "there is index.html", plan: () => planSite(project) }];
  },
};

interface Server {
  readonly title: string;
  readonly program: string;
  args(directory: string): readonly string[];
  /** What it prints when it is asked for its parts is what it has to have. */
  readonly check?: { readonly args: readonly string[]; readonly has: RegExp };
}

const servers: readonly Server[] = [
  {
    title: "BusyBox httpd",
    program: "busybox",
    args: (directory) => ["httpd", "-f", "-p", `${port}`, "-h", directory],
    check: { args: ["--list"], has: /^httpd$/m },
  },
  {
    title: "darkhttpd",
    program: "darkhttpd",
    args: (directory) => [directory, "--port", `${port}`],
  },
  {
    title: "Python's http.server",
    program: "python3",
    args: (directory) => ["-m", "http.server", `${port}`, "--directory", directory],
    check: { args: ["-c", "import http.server; print('it is there')"], has: /it is there/ },
  },
];

async function planSite(project: Project): Promise<Plan> {
  for (const { title, program, args, check } of servers) {
    const found = await onPath(program, project.directory);
    if (found === undefined) continue;
    if (check !== undefined) {
      const { stdout } = await attempt({ tool: found.path, args: check.args }, { timeoutMs: 20_000 });
      if (!check.has.test(stdout)) continue;
    }
    const runtime = await runtimeAt(
      found.path,
      { title, programs: [program], package: program, ...(program === "busybox" ? { versionArgs: [] } : {}) },
      found.manager,
    );
    return planOf(project, {
      kind: "static",
      // A program that is alone in its image has the image's name, and BusyBox goes by what it is called.
      name: program === "busybox" ? `busybox-${nameOf(project)}` : nameOf(project),
      because: ["there is index.html", `${title} serves the directory`],
      runtime,
      program: runtime.path,
      args: args(project.directory),
      files: [projectTree(project, "the site is all of it")],
      ports: [port],
    });
  }
  throw cannotStart(
    project,
    "a static site needs a server, and this machine has no busybox with httpd, darkhttpd or python3",
    "install one, for example by 'apt-get install darkhttpd'",
  );
}
