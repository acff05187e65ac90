// SPDX-License-Identifier: MIT
/** The files of a script: its project, or for a single file what it mentions of what is beside it. */
import { basename, extname, join } from "node:path";
import type { FileGroup, Project } from "./plan.js";
import { projectTree } from "./project-tree.js";

/** `extensions` are those of files that scripts load by names without one. */
export function scriptFiles(project: Project, extensions: readonly string[]): readonly FileGroup[] {
  if (project.file === undefined)
    return [projectTree(project, "scripts decide at run time what they open: all of it")];
  const [own = "", ...mentioned] = mentionedFiles(project, project.file, extensions);
  const { directory } = project;
  const groups: FileGroup[] = [
    { title: "the script", because: "it is what was named", paths: [join(directory, own)] },
  ];
  if (mentioned.length > 0)
    groups.push({
      title: "beside it",
      because: "the script mentions them",
      paths: mentioned.map((name) => join(directory, name)),
    });
  return groups;
}

/** What is larger is no project, but somebody's home. */
const mostNames = 1024;

/** With what those files mention that are mentioned, and so on. */
function mentionedFiles(project: Project, file: string, extensions: readonly string[]): readonly string[] {
  const names = project.names();
  const candidates = names.length > mostNames || project.directory === "/" ? [] : names;
  const found = new Set([file]);
  for (const name of found) {
    const text = project.text(name) ?? "";
    for (const other of candidates)
      if (!found.has(other) && mentions(text, project, other, extensions)) found.add(other);
  }
  return [...found];
}

function mentions(text: string, project: Project, name: string, extensions: readonly string[]): boolean {
  if (name.startsWith(".git")) return false;
  if (project.isDirectory(name)) return isNamed(text, name);
  const extension = extname(name);
  const stem = basename(name, extension);
  return isNamed(text, name) || (extensions.includes(extension) && isNamed(text, stem));
}

/** Between quotes or slashes: a word alone can mean anything. */
function isNamed(text: string, name: string): boolean {
  const quoted = name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`["'/]${quoted}(?=["'/]|$)`, "m").test(text);
}
