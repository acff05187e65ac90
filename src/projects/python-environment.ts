// SPDX-License-Identifier: MIT
/** The interpreter of a Python project, where its modules are, and which packages are installed for it. */
import { join } from "node:path";
import { z } from "zod";
import { attempt, lastLines } from "../host/exec.js";
import { packageFile } from "../host/places.js";
import { projectFiles } from "../host/project-files.js";
import { parseJson } from "../json.js";
import type { FileGroup, Project, Runtime } from "./plan.js";
import { cannotStart } from "./plan-parts.js";
import { runtimeAt, runtimeFor } from "./runtimes.js";

const pythonWish = { title: "Python", programs: ["python3", "python"], package: "python3" } as const;

export interface PythonEnvironment {
  readonly runtime: Runtime;
  /** Of packages, in lower case with '-' between words (PEP 503). */
  readonly installed: ReadonlySet<string>;
  /** What the interpreter needs beside itself. */
  readonly files: readonly FileGroup[];
}

/** The line of host-helpers/python-modules.py. */
const answerSchema = z.object({
  prefix: z.string(),
  base: z.string(),
  library: z.string(),
  path: z.array(z.string()),
  modules: z.array(z.string()),
});

const longestAnswerMs = 60_000;
const environmentNames = [".venv", "venv", "env"];

/** `entries` are the files that are started. Throws UKL-242 where there is no interpreter, or the environment's is gone. */
export async function pythonEnvironment(
  project: Project,
  entries: readonly string[],
): Promise<PythonEnvironment> {
  const own = environmentNames.find((name) => project.has(`${name}/pyvenv.cfg`));
  const runtime = own === undefined ? await runtimeFor(project, pythonWish) : await runtimeOf(project, own);
  const { prefix, base, library, path, modules } = await ask(project, runtime, entries);
  const isEnvironment = prefix !== base;
  const sites = path.filter(
    (each) => /\/(?:site|dist)-packages$/.test(each) && !(isEnvironment && isBelow(each, prefix)),
  );
  return {
    runtime,
    installed: new Set(path.flatMap(packagesIn)),
    files: [
      ...(isEnvironment ? [environmentGroup(prefix)] : []),
      // What comes with Debian's interpreter its package has.
      ...(isBelow(library, "/usr/lib") ? [] : [standardGroup(library), ...zoneGroup()]),
      ...sites.flatMap((site) => siteGroup(site, modules)),
    ],
  };
}

async function ask(project: Project, { path }: Runtime, entries: readonly string[]) {
  const args = [packageFile("host-helpers", "python-modules.py"), project.directory, ...entries];
  const { stdout, stderr } = await attempt({ tool: path, args }, { timeoutMs: longestAnswerMs });
  const answer = answerSchema.safeParse(parseJson(stdout));
  if (answer.success) return answer.data;
  throw cannotStart(
    project,
    `${path} does not tell where its modules are: ${lastLines(stderr, 1)}`,
    `see what '${path} -m site' says`,
  );
}

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(`${directory}/`);
}

async function runtimeOf(project: Project, environment: string): Promise<Runtime> {
  const path = join(project.directory, environment, "bin/python");
  if (!project.has(`${environment}/bin/python`)) {
    throw cannotStart(
      project,
      `${path} leads to an interpreter that is not there`,
      `make the environment again: python3 -m venv --clear ${environment}`,
    );
  }
  const { title, version } = await runtimeAt(path, pythonWish);
  return {
    title,
    path,
    ...(version === undefined ? {} : { version }),
    origin: `the project's environment ${environment}`,
  };
}

function environmentGroup(prefix: string): FileGroup {
  return {
    title: "virtual environment",
    because: "packages are found by name at run time",
    paths: [join(prefix, "pyvenv.cfg"), join(prefix, "lib")],
  };
}

/** What no program imports, or only one that builds others: tests, tools of development, windows. */
const notForPrograms =
  /^(?:test|tests|idlelib|tkinter|turtledemo|turtle\.py|ensurepip|lib2to3|config-.*|site-packages|dist-packages|__pycache__)$/;

function standardGroup(library: string): FileGroup {
  const names = projectFiles(library)
    .names()
    .filter((name) => !notForPrograms.test(name));
  return {
    title: "standard library",
    because: "the interpreter is from no Debian package",
    paths: names.map((name) => join(library, name)),
  };
}

const zones = "/usr/share/zoneinfo";

/** Debian's interpreter depends on the package that has them. */
function zoneGroup(): readonly FileGroup[] {
  if (projectFiles(zones).names().length === 0) return [];
  return [{ title: "time zones", because: "zoneinfo looks them up by name", paths: [zones] }];
}

/** Of what is installed for everybody, the packages that are imported, each whole, and what is known of all. */
function siteGroup(site: string, modules: readonly string[]): readonly FileGroup[] {
  const imported = new Set(
    modules
      .filter((module) => isBelow(module, site))
      .map((module) => module.slice(site.length + 1).split("/")[0] ?? ""),
  );
  if (imported.size === 0) return [];
  const known = projectFiles(site)
    .names()
    .filter((name) => /\.(?:dist|egg)-info$/.test(name));
  const paths = [...imported, ...known].sort().map((name) => join(site, name));
  return [
    { title: "installed packages", because: `imported, found by Python's modulefinder in ${site}`, paths },
  ];
}

/** By the directories in which installers leave what they know of a package. */
function packagesIn(directory: string): readonly string[] {
  return projectFiles(directory)
    .names()
    .flatMap((name) => /^(.+?)-[^-]+(?:-py[\d.]+)?\.(?:dist|egg)-info$/.exec(name)?.[1] ?? [])
    .map(normalizedName);
}

/** PEP 503. */
export function normalizedName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, "-");
}
