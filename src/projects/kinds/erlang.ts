// SPDX-License-Identifier: MIT
/** Erlang and Elixir: a release with its own runtime or the one of this machine, or a script of either language. */
import { join, normalize } from "node:path";
import { attempt } from "../../host/exec.js";
import { libraryDirectories, toldPaths } from "../library-directories.js";
import type { FileGroup, Kind, Plan, Project, Runtime, Start } from "../plan.js";
import { cannotStart, isThere, planOf, refusedStart } from "../plan-parts.js";
import { projectTree } from "../project-tree.js";
import { runtimeFor } from "../runtimes.js";
import { scriptFiles } from "../script-files.js";

const wish = {
  title: "Erlang",
  programs: ["erl"],
  versionArgs: ["-noshell", "-eval", 'io:format("~s~n", [erlang:system_info(version)]), halt().'],
  package: "erlang-base",
} as const;
const elixirWish = {
  title: "Elixir",
  programs: ["elixir"],
  versionArgs: ["--short-version"],
  package: "elixir",
} as const;
const releaseFile = "releases/start_erl.data";
/** Where a project's tools make releases (mix, rebar3). */
const releaseDirectories = ["_build/prod/rel", "_build/default/rel"];

export const erlang: Kind = {
  name: "erlang",
  title: "Erlang or Elixir",
  looksFor: "releases/start_erl.data with bin/NAME, here or in _build/prod/rel/NAME",
  extensions: [".escript", ".exs"],
  recognise(project) {
    const { file } = project;
    if (file?.endsWith(".exs"))
      return [{ rank: "written", because: "a file of Elixir", plan: () => planElixir(project, file) }];
    if (file !== undefined)
      return [{ rank: "written", because: "a file of Erlang", plan: () => planEscript(project, file) }];
    const places = [
      ".",
      ...releaseDirectories.flatMap((directory) =>
        project.names(directory).map((name) => join(directory, name)),
      ),
    ];
    const releases = places.filter((place) => project.has(join(place, releaseFile)));
    if (releases.length === 0) return notReleased(project);
    return releases
      .flatMap((place) => programsOf(project, place).map((program) => ({ place, program })))
      .map(({ place, program }) => {
        const because = `a release, which ${join(place, "bin", program)} starts`;
        return { rank: "usual", because, plan: () => planRelease(project, place, program, because) };
      });
  },
};

const releaseTools = [
  { file: "mix.exs", command: "MIX_ENV=prod mix release" },
  { file: "rebar.config", command: "rebar3 release" },
] as const;

function notReleased(project: Project): readonly Start[] {
  const tool = releaseTools.find(({ file }) => project.has(file));
  if (tool === undefined) return [];
  const cause = `there is ${tool.file}, and no release that was made of it`;
  const error = cannotStart(project, cause, `run '${tool.command}' in ${project.directory}`);
  return [refusedStart("usual", tool.file, error)];
}

/** Those that read which release it is. Beside them are ones of a single version, and tools. */
function programsOf(project: Project, place: string): readonly string[] {
  return project.names(join(place, "bin")).filter((name) => {
    const text = project.text(join(place, "bin", name)) ?? "";
    return text.startsWith("#!") && text.includes("start_erl.data") && !/-\d[\w.]*$/.test(name);
  });
}

async function planRelease(project: Project, place: string, program: string, because: string): Promise<Plan> {
  const [ertsVersion = "", version = ""] = (project.text(join(place, releaseFile)) ?? "").trim().split(/\s+/);
  if (!project.isDirectory(join(place, "releases", version))) {
    const cause = `${releaseFile} says version ${JSON.stringify(version)}, and there is no such release`;
    throw cannotStart(project, cause, "build the release again");
  }
  const root = join(project.directory, place);
  // Mix and relx call it differently.
  const isMix = project.has(join(place, "releases", version, "elixir"));
  const isWhole = project.isDirectory(join(place, `erts-${ertsVersion}`));
  const runtime = isWhole ? undefined : await runtimeFor(project, wish);
  const tree =
    place === "."
      ? projectTree(project, "a release is made to be started elsewhere")
      : { title: "the release", because: "it is made to be started elsewhere", paths: [root] };
  return planOf(project, {
    kind: "erlang",
    name: program,
    because: [because, isWhole ? `it has Erlang ${ertsVersion} with it` : "it has no runtime with it"],
    ...(runtime === undefined ? {} : { runtime }),
    program: join(root, "bin", program),
    args: [isMix ? "start" : "foreground"],
    workingDirectory: root,
    files: [tree, ...(runtime === undefined ? [] : await erlangFiles(project, runtime))],
  });
}

const askForRoot = ["-noshell", "-eval", 'io:format("~s~n", [code:root_dir()]), halt().'];

function erlangFiles(project: Project, runtime: Runtime): Promise<readonly FileGroup[]> {
  return libraryDirectories(project, runtime, { title: "libraries", args: askForRoot });
}

/** As the shell scripts `erl` and `escript` start the runtime's own program. */
async function planErlexec(
  project: Project,
  runtime: Runtime,
  args: readonly string[],
): Promise<Pick<Plan, "program" | "args" | "environment">> {
  const [root] = await toldPaths(runtime, askForRoot, project.directory);
  const binaries = `${root}/erts-${runtime.version}/bin`;
  if (root === undefined || !isThere(project, `${binaries}/erlexec`))
    throw cannotStart(
      project,
      `${runtime.path} does not say where its parts are`,
      "install erlang-base again",
    );
  const environment = { ROOTDIR: root, BINDIR: binaries, EMU: "beam", PROGNAME: "erl" };
  return { program: `${binaries}/erlexec`, args, environment };
}

async function planEscript(project: Project, file: string): Promise<Plan> {
  const runtime = await runtimeFor(project, wish);
  const path = join(project.directory, file);
  const words = ["+B", "-boot", "no_dot_erlang", "-noshell", "-run", "escript", "start", "-extra", path];
  return planOf(project, {
    kind: "erlang",
    because: ["a file of Erlang"],
    runtime,
    ...(await planErlexec(project, runtime, words)),
    files: [...scriptFiles(project, [".erl", ".hrl", ".beam"]), ...(await erlangFiles(project, runtime))],
  });
}

async function planElixir(project: Project, file: string): Promise<Plan> {
  const runtime = await runtimeFor(project, elixirWish);
  const beam = await runtimeFor(project, wish);
  // Asked like this, it prints the words that it gives Erlang, and starts nothing. It finds its own parts by them.
  const command = { tool: runtime.path, args: ["-e", "0"], env: { ELIXIR_CLI_DRY_RUN: "1" } };
  const { stdout } = await attempt(command, { timeoutMs: 20_000 });
  const [, ...told] = stdout.trim().split(/\s+/);
  const words = told.map((word) => (word.startsWith("/") ? normalize(word) : word));
  const extra = words.indexOf("-extra");
  if (extra < 0)
    throw cannotStart(project, `${runtime.path} does not say how it starts Erlang`, "install elixir again");
  const parts = words.filter((word) => word.startsWith("/"));
  return planOf(project, {
    kind: "erlang",
    because: ["a file of Elixir"],
    runtime,
    ...(await planErlexec(project, beam, [...words.slice(0, extra + 1), join(project.directory, file)])),
    files: [
      ...scriptFiles(project, [".exs", ".ex"]),
      ...(await erlangFiles(project, beam)),
      { title: "Elixir", because: "what it gives Erlang to load", paths: parts },
    ],
  });
}
