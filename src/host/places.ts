// SPDX-License-Identifier: MIT
/** Where things are: the toolkit's own files, and what it keeps for a user. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A file or folder of the installed package, e.g. `packageFile("kernel", "VERSION")`. */
export function packageFile(...parts: string[]): string {
  return fileURLToPath(new URL(`../../${parts.join("/")}`, import.meta.url));
}

/** That of the installed package. */
export async function version(): Promise<string> {
  return JSON.parse(await readFile(packageFile("package.json"), "utf8")).version;
}

/** The user's cache directory for this toolkit, after the XDG base directory specification. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  return baseDirectory(environment["XDG_CACHE_HOME"], ".cache");
}

/** The same for what has to be kept, but is not worth a backup. */
export function stateDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  return baseDirectory(environment["XDG_STATE_HOME"], ".local", "state");
}

function baseDirectory(base: string | undefined, ...fallback: string[]): string {
  return join(base?.startsWith("/") ? base : join(homedir(), ...fallback), "uklkit");
}
