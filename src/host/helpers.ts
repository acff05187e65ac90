// SPDX-License-Identifier: MIT
/** Small programs of ours that run on the host beside QEMU (host-helpers/): compiled once, and kept. */
import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UklError } from "../errors.js";
import { run } from "./exec.js";
import { cacheWriteFailed, createWith, sha256 } from "./files.js";
import { cacheDirectory, packageFile } from "./places.js";

interface Helper {
  readonly options: readonly string[];
  /** In host-helpers/; a header counts as one, and is not compiled by itself. */
  readonly sources: readonly string[];
}

const helpers = {
  handshake: {
    options: ["-O2"],
    sources: ["handshake.c", "again.c", "again.h", "families.c", "families.h", "segments.c", "segments.h"],
  },
  backlog: { options: ["-O2", "-shared", "-fPIC"], sources: ["backlog.c"] },
} as const satisfies Record<string, Helper>;

export type HelperName = keyof typeof helpers;

/** The paths of all files that a helper is made of. */
export function helperSources(name: HelperName): readonly string[] {
  return helpers[name].sources.map((source) => packageFile("host-helpers", source));
}

/** The path of the program or library. Throws UKL-401, UKL-403 and UKL-404. */
export async function compileHelper(name: HelperName, directory = cacheDirectory()): Promise<string> {
  const sources = helperSources(name);
  const options = helpers[name].options;
  const texts = await Promise.all(sources.map((source) => readFile(source, "utf8")));
  const path = join(directory, "helpers", sha256(JSON.stringify([texts, options])), name);
  if (await isThere(path)) return path;
  await mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
    throw cacheWriteFailed(path, error);
  });
  const units = sources.filter((source) => source.endsWith(".c"));
  try {
    await createWith(path, async (partial) => {
      await run({ tool: "gcc", args: [...options, "-o", partial, ...units] });
    });
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!(error instanceof UklError) || !(await isThere(path))) throw error;
  }
  return path;
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
