// SPDX-License-Identifier: MIT
/**
 * Programs of Debian's essential packages, which scripts use without a dependency (policy 3.8): the ones that a script
 * or an argument names.
 */
import { posix } from "node:path";
import { z } from "zod";
import { codeDigest, entryCache, fileState } from "../host/entry-cache.js";
import { sha256 } from "../host/files.js";
import { cacheDirectory } from "../host/places.js";
import { parseJson } from "../json.js";
import { essentialPackages, pathsOf } from "./debian.js";
import { programPaths } from "./package-files.js";

const database = "/var/lib/dpkg/status";
const mostEntries = 8;
const entrySchema = z.array(z.string());

/** Their paths on this machine. Empty on one without dpkg. */
export async function essentialPrograms(): Promise<readonly string[]> {
  const state = await fileState(database);
  if (state === undefined) return [];
  const cache = entryCache(`${cacheDirectory()}/essentials`, mostEntries);
  const key = `${sha256(JSON.stringify([await codeDigest(), state]))}.json`;
  const known = entrySchema.safeParse(parseJson((await cache.read(key)) ?? "")).data;
  if (known !== undefined) return known;
  const programs = programPaths(await pathsOf(await essentialPackages()));
  await cache.write(key, JSON.stringify(programs));
  return programs;
}

export interface CommandTexts {
  /** Lines for a shell: scripts of one, and arguments. Each word may be a command. */
  readonly commands: readonly string[];
  /** Scripts in other languages: what is in quotes may be a command. */
  readonly scripts: readonly string[];
  /** Libraries of an interpreter: only a path is a command there. */
  readonly libraries: readonly Uint8Array[];
}

/** Of `programs` those that the texts name. What a shell does itself it needs no program for. */
export function namedPrograms(programs: readonly string[], texts: CommandTexts): readonly string[] {
  const words = new Set(
    [...texts.commands, ...texts.scripts.flatMap(quotedTexts)].flatMap(
      (text) => text.match(/[\w.+/[-]+/g) ?? [],
    ),
  );
  const paths = new Set(texts.libraries.flatMap(programPathsIn));
  return programs.filter((path) => {
    const name = posix.basename(path);
    const isNamed = words.has(name) && !builtIn.has(name);
    return isNamed || namesOf(path).some((each) => words.has(each) || paths.has(each));
  });
}

/** dash(1), of what is a program as well. */
export const builtIn = new Set("[ echo false kill printf pwd test true sh dash bash".split(" "));

/** With a merged /usr a program has two. */
export function namesOf(path: string): readonly string[] {
  return [path, path.startsWith("/usr/") ? path.slice("/usr".length) : `/usr${path}`];
}

function quotedTexts(script: string): readonly string[] {
  return [...script.matchAll(/(["'`])((?:\\.|(?!\1)[^\\])*)\1/g)].map(([, , text = ""]) => text);
}

function programPathsIn(library: Uint8Array): readonly string[] {
  const text = Buffer.from(library.buffer, library.byteOffset, library.length).toString("latin1");
  return [...text.matchAll(/(?<![\w.])\/(?:usr\/)?s?bin\/[\w.+-]+/g)].map(([path]) => path);
}
