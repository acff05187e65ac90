// SPDX-License-Identifier: MIT
/** Ruby: a Rack application with the server that is installed, or a script; with gems of the project and of this machine. */
import { join, relative } from "node:path";
import { onPath } from "../../host/programs.js";
import { libraryDirectories, toldPaths } from "../library-directories.js";
import type { FileGroup, Kind, Plan, Project, Runtime } from "../plan.js";
import { cannotStart, isThere, planOf } from "../plan-parts.js";
import { runtimeFor } from "../runtimes.js";
import { scriptFiles } from "../script-files.js";

const wish = { title: "Ruby", programs: ["ruby"], package: "ruby" } as const;
const usualScripts = ["app.rb", "main.rb", "server.rb"];
const rackPort = 9292;
const sinatraPort = 4567;

export const ruby: Kind = {
  name: "ruby",
  title: "Ruby",
  looksFor: "config.ru; app.rb, main.rb or server.rb",
  extensions: [".rb", ".ru"],
  recognise(project) {
    const { file } = project;
    if (file?.endsWith(".rb"))
      return [{ rank: "written", because: "a file of Ruby", plan: () => planScript(project, file) }];
    if (file !== undefined || project.has("config.ru")) {
      const config = file ?? "config.ru";
      const rank = file === undefined ? "usual" : "written";
      return [{ rank, because: `there is ${config}`, plan: () => planRack(project, config) }];
    }
    return usualScripts
      .filter((name) => project.has(name))
      .map((name) => ({
        rank: "usual",
        because: `there is ${name}`,
        plan: () => planScript(project, name, `there is ${name}`),
      }));
  },
};

/** How each is told to listen, on all addresses, and the gems of Gemfile.lock that have it. */
const rackServers = [
  { name: "puma", gems: [/^ {4}(puma) \(/m], args: ["-b", `tcp://0.0.0.0:${rackPort}`] },
  {
    name: "rackup",
    gems: [/^ {4}(rackup) \(/m, /^ {4}(rack) \([12]\./m],
    args: ["-o", "0.0.0.0", "-p", String(rackPort)],
  },
  { name: "thin", gems: [/^ {4}(thin) \(/m], args: ["start", "-a", "0.0.0.0", "-p", String(rackPort), "-R"] },
] as const;

async function planRack(project: Project, config: string): Promise<Plan> {
  const path = join(project.directory, config);
  const locked = lockOf(project) ?? "";
  for (const { name, gems, args } of rackServers) {
    const gem = gems.flatMap((pattern) => pattern.exec(locked)?.[1] ?? [])[0];
    const server = gem === undefined ? await onPath(name, project.directory) : undefined;
    const words = gem === undefined ? server && [server.path] : ofGem(gem, name);
    if (words === undefined) continue;
    const because = [`there is ${config}`, `its server is ${server?.path ?? `${name} of Gemfile.lock`}`];
    const plan = await planRuby(project, because, [...words, ...args, path], server && [server.path]);
    return { ...plan, ports: [rackPort] };
  }
  throw cannotStart(
    project,
    `${config} needs a Rack server, and there is no puma, rackup or thin`,
    "add puma to the Gemfile, or install it, for example by 'apt-get install puma'",
  );
}

/** As the file does that RubyGems makes for each program of a gem, wherever that was put. */
function ofGem(gem: string, name: string): readonly string[] {
  return ["-e", `load Gem.bin_path("${gem}", "${name}")`, "--"];
}

/** Of the directory; a single file stands for itself. */
function lockOf(project: Project): string | undefined {
  return project.file === undefined ? project.text("Gemfile.lock") : undefined;
}

async function planScript(project: Project, file: string, because = "a file of Ruby"): Promise<Plan> {
  const script = join(project.directory, file);
  const isSinatra = /^\s*require\s*\(?\s*["']sinatra["']/m.test(project.text(file) ?? "");
  // While it is developed, it listens on loopback alone.
  const args = isSinatra ? [script, "-o", "0.0.0.0", "-p", String(sinatraPort)] : [script];
  const reasons = isSinatra ? [because, "Sinatra starts a server in it"] : [because];
  return { ...(await planRuby(project, reasons, args)), ports: isSinatra ? [sinatraPort] : [] };
}

async function planRuby(
  project: Project,
  because: readonly string[],
  args: readonly string[],
  programs: readonly string[] = [],
): Promise<Plan> {
  const runtime = await runtimeFor(project, wish);
  await checkInstalled(project, runtime);
  // As `bundle exec` has it: the gems are those of Gemfile.lock.
  const options = lockOf(project) === undefined ? [] : ["-rbundler/setup"];
  const loaders: readonly FileGroup[] =
    programs.length === 0 ? [] : [{ title: "the server", because: "it executes config.ru", paths: programs }];
  return planOf(project, {
    kind: "ruby",
    because,
    runtime,
    program: runtime.path,
    args: [...options, ...args],
    files: [
      ...scriptFiles(project, [".rb"]),
      ...loaders,
      ...(await libraryDirectories(project, runtime, { title: "gems", args: askForPaths })),
    ],
  });
}

const askForPaths = ["-e", "puts $LOAD_PATH, Gem.path"];

/** Throws UKL-242 where a gem of Gemfile.lock is nowhere, or Bundler itself. */
async function checkInstalled(project: Project, runtime: Runtime): Promise<void> {
  const locked = lockOf(project);
  if (locked === undefined) return;
  const bundler = await toldPaths(
    runtime,
    ["-rbundler", "-e", "puts $LOADED_FEATURES.grep(/bundler/)"],
    project.directory,
  );
  if (bundler.length === 0)
    throw cannotStart(
      project,
      "Bundler loads what Gemfile.lock names, and Ruby has none",
      "install it, for example by 'apt-get install ruby-bundler'",
    );
  const gems = [...locked.matchAll(/^ {4}([\w.-]+) \(([^)\s]+)\)$/gm)].map(([, name = ""]) => name);
  const directories = [
    ...(await toldPaths(runtime, askForPaths, project.directory)),
    ...project.names("vendor/bundle/ruby").map((name) => join(project.directory, "vendor/bundle/ruby", name)),
  ];
  const specifications = directories
    .flatMap((path) => [join(path, "specifications"), join(path, "specifications/default")])
    .filter((path) => isThere(project, path))
    .flatMap((path) => project.names(relative(project.directory, path)));
  const missing = gems.filter(
    (name) =>
      !specifications.some((each) => each.startsWith(`${name}-`) && /\d/.test(each[name.length + 1] ?? "")),
  );
  const [first, ...others] = missing;
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  throw cannotStart(
    project,
    `Gemfile.lock names ${first}${more}, not installed`,
    `run 'bundle install' in ${project.directory}`,
  );
}
