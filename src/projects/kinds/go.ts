// SPDX-License-Identifier: MIT
/** Go: the program of a module, or of a single file, as `go build` makes it. */
import { basename, join, resolve } from "node:path";
import { assetsOf, madeDirectory } from "../made-program.js";
import type { Kind, Plan, Project, Start } from "../plan.js";
import { nameOf, planOf } from "../plan-parts.js";
import { runtimeFor } from "../runtimes.js";

const wish = { title: "Go", programs: ["go"], versionArgs: ["version"], package: "golang-go" } as const;

export const go: Kind = {
  name: "go",
  title: "Go",
  looksFor: "go.mod, with package main beside it or in cmd/NAME",
  extensions: [".go"],
  recognise(project) {
    const { file } = project;
    if (file !== undefined) {
      const start = { what: file, name: nameOf(project), because: "a file of Go" };
      return [{ rank: "written", because: start.because, plan: () => planGo(project, start) }];
    }
    const module = project.text("go.mod");
    if (module === undefined) return partStarts(project);
    const path = /^module\s+"?([^\s"]+)"?/m.exec(module)?.[1];
    // A module's major version is no name: example.com/tool/v2.
    const name = basename(path?.replace(/\/v\d+$/, "") ?? nameOf(project));
    if (isMain(project, "."))
      return [startOf(project, { what: ".", name, because: `go.mod, and package main beside it` })];
    return project
      .names("cmd")
      .filter((each) => isMain(project, join("cmd", each)))
      .map((each) =>
        startOf(project, {
          what: `./cmd/${each}`,
          name: each,
          because: `go.mod, and package main in cmd/${each}`,
        }),
      );
  },
};

/** More no module is deep. */
const mostParents = 8;

/** A directory of a module, which is how one of its programs is named. */
function partStarts(project: Project): readonly Start[] {
  const parents = Array.from({ length: mostParents }, (_, index) => "../".repeat(index + 1));
  const root = isMain(project, ".") ? parents.find((path) => project.has(`${path}go.mod`)) : undefined;
  if (root === undefined) return [];
  const because = `package main, of the module in ${resolve(project.directory, root)}`;
  return [startOf(project, { what: ".", name: nameOf(project), because })];
}

interface GoStart {
  /** As `go build` takes it. */
  readonly what: string;
  readonly name: string;
  readonly because: string;
}

function startOf(project: Project, start: GoStart): Start {
  return { rank: "usual", because: start.because, plan: () => planGo(project, start) };
}

/** All files of a directory are of one package, but for tests and what is not built. */
function isMain(project: Project, directory: string): boolean {
  return project
    .names(directory)
    .filter((name) => name.endsWith(".go") && !/_test\.go$|^[._]/.test(name))
    .some((name) => /^package\s+main\b/m.test(project.text(join(directory, name)) ?? ""));
}

async function planGo(project: Project, { what, name, because }: GoStart): Promise<Plan> {
  const compiler = await runtimeFor(project, wish);
  const program = join(madeDirectory(project), name);
  return planOf(project, {
    kind: "go",
    name,
    because: [because, `Go ${compiler.version ?? ""} makes it (${compiler.origin})`],
    steps: [{ tool: compiler.path, args: ["build", "-o", program, what], cwd: project.directory }],
    program,
    args: [],
    files: assetsOf(project, /\.go$|^go\.(?:mod|sum|work|work\.sum)$|^(?:vendor|cmd|internal|pkg)$/),
  });
}
