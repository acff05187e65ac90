// SPDX-License-Identifier: MIT
/** Programs that a compiler of this machine makes of a project: where they are kept, and what comes with them. */
import { join } from "node:path";
import { sha256 } from "../host/files.js";
import { cacheDirectory } from "../host/places.js";
import type { FileGroup, Project } from "./plan.js";
import { projectTree } from "./project-tree.js";

/** A directory of the project's own, of which only what the compiler says is used. */
export function madeDirectory({ directory }: Project): string {
  return join(cacheDirectory(), "projects", sha256(directory).slice(0, 16));
}

/** What is opened by name: all that is no source. None for a single file. */
export function assetsOf(project: Project, isSource: RegExp): readonly FileGroup[] {
  if (project.file !== undefined) return [];
  const sources = project.names().filter((name) => isSource.test(name));
  const group = projectTree(project, "what is no source may be opened at run time", sources);
  return group.paths.length === 0 ? [] : [{ ...group, title: "files beside the sources" }];
}
