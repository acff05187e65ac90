// SPDX-License-Identifier: MIT
/** Programs by their names. */
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { attempt } from "./exec.js";
import { readStart } from "./files.js";

/** Daemons are there, where the PATH of users does not lead. */
const directoriesOfDaemons = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** A bare name that is no file here is looked for as a shell would. What is found may be a shim, which is followed. */
export async function findProgram(name: string): Promise<string> {
  if (name.includes("/") || (await isFile(name))) return name;
  return (await onPath(name))?.path ?? name;
}

export interface FoundProgram {
  readonly path: string;
  /** Which manager of versions chose it. */
  readonly manager?: string;
}

/** Undefined where no directory has it. `cwd` is where managers of versions look for the wanted one. */
export async function onPath(name: string, cwd?: string): Promise<FoundProgram | undefined> {
  const directories = [...(process.env["PATH"] ?? "").split(":"), ...directoriesOfDaemons];
  for (const directory of directories) {
    const path = join(directory, name);
    if (!directory.startsWith("/") || !(await isFile(path))) continue;
    const manager = await managerOf(path);
    if (manager === undefined) return { path };
    const chosen = await chosenBy(manager, name, cwd);
    // A manager without the program leaves it to the directories behind.
    if (chosen !== undefined) return { path: chosen, manager: basename(manager) };
  }
  return undefined;
}

/** What a shim may be written in: a few lines. */
const shimBytes = 2048;

/**
 * The manager of versions whose shim a file is: a script, in a directory of shims, that has the manager find and execute
 * the program (pyenv, rbenv, nodenv, asdf and their like).
 */
async function managerOf(path: string): Promise<string | undefined> {
  if (basename(dirname(path)) !== "shims") return undefined;
  const text = Buffer.from(await readStart(path, shimBytes)).toString("latin1");
  return /^exec "?([^\s"]+)"? exec /m.exec(text)?.[1];
}

/** Undefined where the manager has no such program for this place. */
async function chosenBy(manager: string, name: string, cwd: string | undefined): Promise<string | undefined> {
  const command = { tool: manager, args: ["which", name], ...(cwd === undefined ? {} : { cwd }) };
  const { exitStatus, stdout } = await attempt(command, { timeoutMs: 10_000 });
  const path = stdout.trim().split("\n").at(-1) ?? "";
  if (exitStatus !== 0 || !path.startsWith("/") || !(await isFile(path))) return undefined;
  return realpath(path);
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}
