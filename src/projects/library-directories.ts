// SPDX-License-Identifier: MIT
/** Libraries of a runtime that are not of its own package: where it looks for them, the runtime says itself. */
import { realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { attempt } from "../host/exec.js";
import { pathsBeyond } from "../host/paths-beyond.js";
import { hostData } from "../targets/host-data.js";
import { dataPaths } from "../targets/package-files.js";
import type { FileGroup, Project, Runtime } from "./plan.js";

export interface LibraryWish {
  readonly title: string;
  /** By which the runtime prints the paths, one a line. */
  readonly args: readonly string[];
}

/** Directories of the system that hold far more than one runtime's libraries. */
const ofTheSystem =
  /^\/(?:[^/]*|usr\/(?:local|lib|lib64|share|bin)|usr\/local\/(?:lib|share)|(?:usr\/)?lib\/x86_64-linux-gnu|root|home\/[^/]*)$/;

/** What the runtime names; executes it. */
export async function toldPaths(
  runtime: Runtime,
  args: readonly string[],
  cwd: string,
): Promise<readonly string[]> {
  const told = await attempt({ tool: runtime.path, args, cwd }, { timeoutMs: 20_000 });
  if (told.exitStatus !== 0) return [];
  const lines = told.stdout.split("\n").map((line) => line.trim().replace(/(.)\/+$/, "$1"));
  return [...new Set(lines.filter((line) => line.startsWith("/")))];
}

/** No group where it has none but those that come with its package anyway. */
export async function libraryDirectories(
  project: Project,
  runtime: Runtime,
  { title, args }: LibraryWish,
): Promise<readonly FileGroup[]> {
  const told = await toldPaths(runtime, args, project.directory);
  const isInProject = (path: string) => `${path}/`.startsWith(`${project.directory}/`);
  const asked = told.filter((path) => !ofTheSystem.test(path) && !isInProject(path)).sort();
  const outermost = asked.filter(
    (path) => !asked.some((other) => other !== path && path.startsWith(`${other}/`)),
  );
  const known = new Set(await hostData([runtime.path]));
  // Parts that no program opens count no more here than in the runtime's own package.
  const paths = dataPaths(
    outermost.flatMap((path) => pathsBeyond(path, known)),
    [],
  );
  if (paths.length === 0) return [];
  return [{ title, because: `where ${runtime.title} looks for libraries`, paths }];
}

/**
 * All that is installed with a runtime that is from no package: packages have lists of theirs. It finds its parts from
 * where its program is, without links.
 */
export async function runtimeFiles(runtime: Runtime): Promise<readonly FileGroup[]> {
  const home = dirname(dirname(await realpath(runtime.path)));
  if (runtime.origin.startsWith("Debian package") || ofTheSystem.test(home)) return [];
  return [{ title: "the runtime", because: "it finds its own parts beside itself", paths: [home] }];
}
