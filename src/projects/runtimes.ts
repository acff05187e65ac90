// SPDX-License-Identifier: MIT
/** The runtimes of this machine, for projects of their kinds. */
import { realpath } from "node:fs/promises";
import { attempt } from "../host/exec.js";
import { onPath } from "../host/programs.js";
import { ownersOf } from "../targets/debian.js";
import type { Project, Runtime } from "./plan.js";
import { cannotStart } from "./plan-parts.js";

export interface RuntimeWish {
  readonly title: string;
  /** The first that is there is taken. */
  readonly programs: readonly string[];
  /** By which it tells its version. Default: `--version`. */
  readonly versionArgs?: readonly string[];
  /** The Debian package to install where none is there. */
  readonly package: string;
}

/** Throws UKL-242. */
export async function runtimeFor(project: Project, wish: RuntimeWish): Promise<Runtime> {
  for (const name of wish.programs) {
    const found = await onPath(name, project.directory);
    if (found !== undefined) return runtimeAt(found.path, wish, found.manager);
  }
  throw cannotStart(
    project,
    `${wish.title} executes it, and this machine has no ${wish.programs.join(" or ")}`,
    `install it, for example by 'apt-get install ${wish.package}'`,
  );
}

export async function runtimeAt(
  path: string,
  { title, versionArgs = ["--version"] }: RuntimeWish,
  manager?: string,
): Promise<Runtime> {
  const real = await realpath(path);
  const told = await attempt({ tool: path, args: versionArgs }, { timeoutMs: 20_000 });
  const version = /\d+(?:\.\d+)+/.exec(`${told.stdout}\n${told.stderr}`)?.[0];
  const origin = manager ?? (await originOf(path, real));
  return { title, path, ...(version === undefined ? {} : { version }), origin };
}

/** Directories in which managers of versions keep what they install, below a home directory. */
const managed = /\/\.(nvm|pyenv|asdf|rbenv|nodenv|volta|sdkman|fnm|mise|rustup|cargo|bun|deno)\//;

async function originOf(path: string, real: string): Promise<string> {
  const manager = managed.exec(`${path} ${real}`)?.[1];
  if (manager !== undefined) return manager;
  const [owner] = await ownersOf([real, path]);
  return owner === undefined ? "this machine" : `Debian package ${owner}`;
}
