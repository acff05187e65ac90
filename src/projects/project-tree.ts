// SPDX-License-Identifier: MIT
/** The files of a project whose program decides at run time what it opens. */
import { join } from "node:path";
import type { FileGroup, Project } from "./plan.js";

/** What tools of development keep in a project, and no program opens. */
const ofTools =
  /^(?:\.git|\.hg|\.svn|\.idea|\.vscode|\.mypy_cache|\.pytest_cache|\.ruff_cache|\.tox|\.nox|\.gradle|\.cache|__pycache__)$/;

/** All but what tools keep, and but what is `left` out. */
export function projectTree(project: Project, because: string, left: readonly string[] = []): FileGroup {
  // Of a link that leads nowhere there is nothing to take.
  const names = project
    .names()
    .filter((name) => !ofTools.test(name) && !left.includes(name) && project.has(name));
  return { title: "the project", because, paths: names.map((name) => join(project.directory, name)) };
}
