// SPDX-License-Identifier: MIT
/** Perl: a PSGI application with the server that is installed, or a script; Mojolicious::Lite has its own server. */
import { join } from "node:path";
import { onPath } from "../../host/programs.js";
import { libraryDirectories, toldPaths } from "../library-directories.js";
import type { Kind, Plan, Project, Runtime, Start } from "../plan.js";
import { cannotStart, isThere, planOf } from "../plan-parts.js";
import { runtimeFor } from "../runtimes.js";
import { scriptFiles } from "../script-files.js";

const wish = { title: "Perl", programs: ["perl"], package: "perl" } as const;
const usualScripts = ["app.pl", "main.pl", "server.pl"];
/** Each listens on this one unless told otherwise (plackup(1), starman(1)). */
const psgiPort = 5000;
const mojoliciousPort = 3000;

export const perl: Kind = {
  name: "perl",
  title: "Perl",
  looksFor: "app.psgi; app.pl, main.pl or server.pl",
  extensions: [".pl", ".psgi"],
  recognise(project) {
    const { file } = project;
    if (file !== undefined) return [startOf(project, file, "a file of Perl")];
    const psgi = project.has("app.psgi") ? ["app.psgi"] : [];
    const scripts = psgi.length > 0 ? psgi : usualScripts.filter((name) => project.has(name));
    return scripts.map((name) => startOf(project, name, `there is ${name}`));
  },
};

function startOf(project: Project, file: string, because: string): Start {
  const plan = () =>
    file.endsWith(".psgi") ? planPsgi(project, file, because) : planScript(project, file, because);
  return { rank: project.file === undefined ? "usual" : "written", because, plan };
}

async function planPsgi(project: Project, file: string, because: string): Promise<Plan> {
  const server = (await onPath("starman", project.directory)) ?? (await onPath("plackup", project.directory));
  if (server === undefined) {
    const fix = "install one, for example by 'apt-get install starman'";
    throw cannotStart(project, `${file} needs a PSGI server, and there is no starman or plackup`, fix);
  }
  const plan = await planPerl(project, [because, `its server is ${server.path}`], {
    script: server.path,
    args: ["--port", String(psgiPort), join(project.directory, file)],
    file,
  });
  const serverGroup = { title: "the server", because: "it executes app.psgi", paths: [server.path] };
  return { ...plan, ports: [psgiPort], files: [...plan.files, serverGroup] };
}

async function planScript(project: Project, file: string, because: string): Promise<Plan> {
  const script = join(project.directory, file);
  if (!/^\s*use\s+Mojolicious::Lite\b/m.test(project.text(file) ?? ""))
    return planPerl(project, [because], { script, args: [], file });
  const reasons = [because, "it uses Mojolicious::Lite, which has a server"];
  const args = ["daemon", "-l", `http://*:${mojoliciousPort}`];
  return { ...(await planPerl(project, reasons, { script, args, file })), ports: [mojoliciousPort] };
}

interface PerlStart {
  /** What the interpreter is given. */
  readonly script: string;
  readonly args: readonly string[];
  /** Of the project. */
  readonly file: string;
}

async function planPerl(
  project: Project,
  because: readonly string[],
  { script, args }: PerlStart,
): Promise<Plan> {
  const runtime = await runtimeFor(project, wish);
  const usual = project.file === undefined ? ["local/lib/perl5", "lib"] : [];
  const own = usual.filter((path) => project.isDirectory(path));
  await checkInstalled(project, runtime, own);
  const directories = own.map((path) => join(project.directory, path));
  return planOf(project, {
    kind: "perl",
    because,
    runtime,
    program: runtime.path,
    args: [...directories.map((path) => `-I${path}`), script, ...args],
    files: [
      ...scriptFiles(project, [".pl", ".pm"]),
      ...(await libraryDirectories(project, runtime, { title: "modules", args: askForPaths })),
    ],
  });
}

const askForPaths = ["-e", 'print map { "$_\\n" } @INC'];

/** Throws UKL-242 where a module that cpanfile requires is nowhere. What only tests and development need stands in blocks. */
async function checkInstalled(project: Project, runtime: Runtime, own: readonly string[]): Promise<void> {
  const text = project.file === undefined ? project.text("cpanfile") : undefined;
  const [required = ""] = text?.split(/^\s*on\b/m) ?? [];
  const modules = [...required.matchAll(/^\s*requires\s*\(?\s*["']([\w:]+)["']/gm)].map(
    ([, name = ""]) => name,
  );
  if (modules.length === 0) return;
  const directories = [
    ...own.map((path) => join(project.directory, path)),
    ...(await toldPaths(runtime, askForPaths, project.directory)),
  ];
  const missing = modules.filter((name) => name !== "perl" && !isInstalled(project, directories, name));
  const [first] = missing;
  if (first === undefined) return;
  const more = missing.length === 1 ? "" : ` and ${missing.length - 1} more`;
  const tool = project.has("cpanfile.snapshot") ? "carton install" : "cpanm -L local --installdeps .";
  throw cannotStart(
    project,
    `cpanfile requires ${first}${more}, not installed`,
    `run '${tool}' in ${project.directory}`,
  );
}

/** What is compiled is in a directory of its own below the others. */
function isInstalled(project: Project, directories: readonly string[], name: string): boolean {
  const path = `${name.replaceAll("::", "/")}.pm`;
  return directories.some((directory) => isThere(project, join(directory, path)));
}
