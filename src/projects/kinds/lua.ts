// SPDX-License-Identifier: MIT
/** Lua: main.lua, or a script. */
import { join } from "node:path";
import { libraryDirectories } from "../library-directories.js";
import type { Kind, Plan, Project } from "../plan.js";
import { planOf } from "../plan-parts.js";
import { runtimeFor } from "../runtimes.js";
import { scriptFiles } from "../script-files.js";

const wish = {
  title: "Lua",
  programs: ["lua", "lua5.4", "lua5.3", "lua5.2", "lua5.1", "luajit"],
  versionArgs: ["-v"],
  package: "lua5.4",
} as const;

export const lua: Kind = {
  name: "lua",
  title: "Lua",
  looksFor: "main.lua",
  extensions: [".lua"],
  recognise(project) {
    const { file } = project;
    if (file !== undefined)
      return [
        { rank: "written", because: "a file of Lua", plan: () => planLua(project, file, "a file of Lua") },
      ];
    if (!project.has("main.lua")) return [];
    const because = "there is main.lua";
    return [{ rank: "usual", because, plan: () => planLua(project, "main.lua", because) }];
  },
};

/** Each place ends with a name that has a mark for the module's. */
const askForPaths = [
  "-e",
  'for path in (package.path .. ";" .. package.cpath):gmatch("[^;]+") do print((path:gsub("[^/]*%?.*$", ""))) end',
];

async function planLua(project: Project, file: string, because: string): Promise<Plan> {
  const runtime = await runtimeFor(project, wish);
  return planOf(project, {
    kind: "lua",
    because: [because],
    runtime,
    program: runtime.path,
    args: [join(project.directory, file)],
    files: [
      ...scriptFiles(project, [".lua"]),
      ...(await libraryDirectories(project, runtime, { title: "modules", args: askForPaths })),
    ],
  });
}
