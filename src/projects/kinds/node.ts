// SPDX-License-Identifier: MIT
/**
 * Node: what package.json says is started, or the single file, with the modules that it loads. These are found by
 * @vercel/nft, which follows imports, requires and the paths of assets (docs/bring.md).
 */
import { basename, dirname, join, relative } from "node:path";
import { z } from "zod";
import { parseJson } from "../../json.js";
import { simpleCommand } from "../command-line.js";
import { tracedModules } from "../node-modules.js";
import type { FileGroup, Kind, Plan, Project, Start } from "../plan.js";
import { cannotStart, planOf, portsOf, refusedStart } from "../plan-parts.js";
import { runtimeFor } from "../runtimes.js";

const title = "Node";
const wish = { title, programs: ["node", "nodejs"], package: "nodejs" } as const;

const manifestSchema = z.object({
  name: z.string().optional(),
  main: z.string().optional(),
  bin: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
  scripts: z.record(z.string(), z.string()).optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
  workspaces: z.unknown().optional(),
});
type PackageManifest = z.infer<typeof manifestSchema>;

export const node: Kind = {
  name: "node",
  title,
  looksFor: "package.json with a start script, main or bin; server.js, app.js or index.js",
  extensions: [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"],
  recognise(project) {
    if (project.file !== undefined)
      return [
        {
          rank: "written",
          because: "a file of JavaScript",
          plan: () => planFile(project, project.file ?? ""),
        },
      ];
    const text = project.text("package.json");
    return text === undefined ? usualStarts(project) : manifestStarts(project, text);
  },
};

const usualFiles = ["server.js", "app.js", "index.js", "main.js"].flatMap((name) =>
  ["js", "mjs", "cjs", "ts"].map((end) => name.replace(/js$/, end)),
);

function usualStarts(project: Project): readonly Start[] {
  return usualFiles
    .filter((name) => project.has(name))
    .map((name) => fileStart(project, name, `there is ${name}`));
}

function manifestStarts(project: Project, text: string): readonly Start[] {
  const parsed = manifestSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    const cause = `package.json: ${parsed.error.issues[0]?.message ?? "it is no JSON"}`;
    return [refusedStart("written", "package.json", cannotStart(project, cause, "correct package.json"))];
  }
  const manifest = parsed.data;
  const { scripts, main, bin } = manifest;
  const script = scripts?.["start"];
  if (script !== undefined) {
    const because = `the start script of package.json: ${script}`;
    return [{ rank: "written", because, plan: () => planScript(project, manifest, script, because) }];
  }
  if (main !== undefined && project.has(main))
    return [fileStart(project, main, `main of package.json: ${main}`, manifest)];
  const programs = typeof bin === "string" ? { [manifest.name ?? "bin"]: bin } : (bin ?? {});
  const starts = Object.entries(programs).map(([name, file]) =>
    fileStart(project, file, `the program ${name} of package.json: ${file}`, manifest),
  );
  return starts.length > 0 ? starts : usualStarts(project);
}

function fileStart(project: Project, file: string, because: string, manifest?: PackageManifest): Start {
  return { rank: "usual", because, plan: () => planFile(project, file, manifest, because) };
}

async function planFile(
  project: Project,
  file: string,
  manifest: PackageManifest = nearestManifest(project),
  because = "a file of JavaScript",
): Promise<Plan> {
  const options = firstLineOptions(project.text(file) ?? "");
  return planNode(project, manifest, { because, options, entry: join(project.directory, file), args: [] });
}

/** Of `#!/usr/bin/env -S node --no-warnings`. */
function firstLineOptions(text: string): readonly string[] {
  const [, words = ""] = /^#![^\n]*\bnode(?:js)?[ \t]+([^\n]*)/.exec(text) ?? [];
  return words.split(/[ \t\r]+/).filter((word) => word.startsWith("-"));
}

/** Of a file within a package: what is imported is looked for from there. */
function nearestManifest(project: Project): PackageManifest {
  return manifestSchema.safeParse(parseJson(project.text("package.json") ?? "")).data ?? {};
}

async function planScript(
  project: Project,
  manifest: PackageManifest,
  line: string,
  because: string,
): Promise<Plan> {
  const { environment, words } = simpleCommand(line, `the start script of ${project.place}/package.json`);
  const [program = "", ...rest] = words;
  if (program === "node" || program === "nodejs") {
    const { options, file, args } = splitNodeWords(rest);
    if (file === undefined)
      throw cannotStart(project, `${because} names no file`, "name the file that is to be started");
    return planNode(project, manifest, {
      because,
      options,
      entry: resolveFile(project, file),
      args,
      environment,
    });
  }
  const entry = project.has(`node_modules/.bin/${program}`) ? `node_modules/.bin/${program}` : undefined;
  if (entry === undefined) {
    checkInstalled(project, manifest);
    const fix = "name the file that it starts, or write ukl.config.ts ('ukl init')";
    throw cannotStart(project, `${because}: no package that is installed has the program ${program}`, fix);
  }
  // What a runner of the project loads, nobody can tell from its own code.
  return planNode(project, manifest, {
    because,
    options: [],
    entry: join(project.directory, entry),
    args: rest,
    environment,
    isRunner: true,
  });
}

/** Options of Node that take a word behind them (node --help). */
const optionsWithValue = new Set([
  "-r",
  "--require",
  "--import",
  "--loader",
  "--experimental-loader",
  "-C",
  "--conditions",
  "--env-file",
]);

function splitNodeWords(words: readonly string[]) {
  let index = 0;
  while (index < words.length && words[index]?.startsWith("-"))
    index += optionsWithValue.has(words[index] ?? "") ? 2 : 1;
  return { options: words.slice(0, index), file: words[index], args: words.slice(index + 1) };
}

/** `node server` starts server.js, and a directory its index.js. */
function resolveFile(project: Project, file: string): string {
  const candidates = [
    file,
    ...["js", "mjs", "cjs", "json"].map((end) => `${file}.${end}`),
    `${file}/index.js`,
  ];
  const found = candidates.find((path) => project.has(path) && !project.isDirectory(path));
  if (found === undefined)
    throw cannotStart(
      project,
      `there is no ${file}`,
      "build the project first, or name the file that is to be started",
    );
  return join(project.directory, found);
}

interface NodeStart {
  readonly because: string;
  readonly options: readonly string[];
  readonly entry: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly isRunner?: boolean;
}

async function planNode(project: Project, manifest: PackageManifest, start: NodeStart): Promise<Plan> {
  checkInstalled(project, manifest);
  const runtime = await runtimeFor(project, wish);
  checkTypescript(project, start, runtime.version);
  const { files, notes } = await filesOf(project, start);
  const scripts = ["prestart", "poststart"].filter((name) => manifest.scripts?.[name] !== undefined);
  return planOf(project, {
    kind: "node",
    name: nameOf(project, manifest, start.entry),
    because: [start.because],
    runtime,
    program: runtime.path,
    args: [...start.options, start.entry, ...start.args],
    environment: start.environment ?? {},
    files,
    ports: portsIn(project, start.entry),
    notUnderstood: [
      ...notes,
      ...scripts.map((name) => `the script ${name} of package.json, which npm executes and a guest does not`),
    ],
  });
}

function nameOf(project: Project, { name }: PackageManifest, entry: string): string {
  const own = project.file === undefined ? (name ?? basename(project.directory)) : basename(entry);
  return own.replace(/^@[^/]*\//, "");
}

async function filesOf(
  project: Project,
  { options, entry, isRunner = false }: NodeStart,
): Promise<{ readonly files: readonly FileGroup[]; readonly notes: readonly string[] }> {
  if (isRunner) {
    const because = `${basename(entry)} decides at run time what it loads`;
    return { files: [{ title: "the project", because, paths: [project.directory] }], notes: [] };
  }
  const preloaded = options.flatMap((option, index) => {
    const file = options[index + 1];
    return /^(?:-r|--require|--import)$/.test(option) && file?.startsWith(".")
      ? [join(project.directory, file)]
      : [];
  });
  const { paths, notes } = await tracedModules([entry, ...preloaded], project.directory);
  const modules = paths.filter((path) => path.includes("/node_modules/"));
  const own = paths.filter((path) => !path.includes("/node_modules/"));
  const assets = ["public", "views", "static", "templates", "locales"].filter((name) =>
    project.isDirectory(name),
  );
  const isAside = (path: string) => assets.some((name) => path.startsWith(`${project.directory}/${name}/`));
  return {
    files: [
      {
        title: "modules of the project",
        because: "imported from the file that is started",
        paths: own.filter((path) => !isAside(path)),
      },
      ...(modules.length === 0
        ? []
        : [{ title: "node_modules", because: "imported by them", paths: modules }]),
      ...(assets.length === 0
        ? []
        : [
            {
              title: "assets",
              because: "directories of files that are opened by name",
              paths: assets.map((name) => join(project.directory, name)),
            },
          ]),
    ],
    notes,
  };
}

/** Throws UKL-242 where dependencies were not installed. */
function checkInstalled(project: Project, { dependencies = {} }: PackageManifest): void {
  const missing = Object.keys(dependencies).filter((name) => !isInstalled(project.directory, name, project));
  const [first] = missing;
  if (first === undefined || project.has(".pnp.cjs")) return;
  const command = installCommands.find(({ lock }) => project.has(lock))?.command ?? "npm install";
  const more = missing.length === 1 ? "" : ` and ${missing.length - 1} more`;
  throw cannotStart(
    project,
    `package.json depends on ${first}${more}, not installed`,
    `run '${command}' in ${project.directory}`,
  );
}

const installCommands = [
  { lock: "package-lock.json", command: "npm ci" },
  { lock: "pnpm-lock.yaml", command: "pnpm install" },
  { lock: "yarn.lock", command: "yarn install" },
  { lock: "bun.lock", command: "bun install" },
] as const;

/** A directory above may have it: workspaces share theirs. */
function isInstalled(directory: string, name: string, project: Project): boolean {
  for (let at = directory; ; at = dirname(at)) {
    if (project.has(join(relative(project.directory, at), "node_modules", name))) return true;
    if (at === dirname(at)) return false;
  }
}

/** Node takes types away by itself since 22.18 and 23.6. Throws UKL-242. */
function checkTypescript(project: Project, { entry, options }: NodeStart, version = ""): void {
  if (
    !/\.[cm]?ts$/.test(entry) ||
    options.some((option) => /--(?:import|require|loader|experimental)/.test(option))
  )
    return;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 23 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18)) return;
  throw cannotStart(
    project,
    `${basename(entry)} is TypeScript, which Node ${version} does not execute`,
    "name the JavaScript that it is compiled to, or start it with a runner of the project, such as 'node --import tsx'",
  );
}

const listening =
  /\.listen\(\s*(?:process\.env\.\w+\s*(?:\|\||\?\?)\s*)?(\d{2,5})\b|\bPORT\s*(?:\|\||\?\?)\s*["']?(\d{2,5})/g;

/** As it is written in the file that is started. */
function portsIn(project: Project, entry: string): readonly number[] {
  const text = project.text(relative(project.directory, entry)) ?? "";
  return portsOf([...text.matchAll(listening)].map(([, listened, variable]) => listened ?? variable));
}
