// SPDX-License-Identifier: MIT
/** Small programs of ours that run on the host beside QEMU (host-helpers/): compiled once, and kept. */
import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UklError } from "../errors.js";
import { run } from "./exec.js";
import { cacheWriteFailed, createWith, sha256 } from "./files.js";
import { cacheDirectory, packageFile } from "./places.js";

/** What each is compiled as. */
const helpers = {
  handshake: ["-O2"],
  backlog: ["-O2", "-shared", "-fPIC"],
} as const satisfies Record<string, readonly string[]>;

export type HelperName = keyof typeof helpers;

export function helperSource(name: HelperName): string {
  return packageFile("host-helpers", `${name}.c`);
}

/** The path of the program or library. Throws UKL-401, UKL-403 and UKL-404. */
export async function compileHelper(name: HelperName, directory = cacheDirectory()): Promise<string> {
  const source = helperSource(name);
  const options = helpers[name];
  const digest = sha256(JSON.stringify([await readFile(source, "utf8"), options]));
  const path = join(directory, "helpers", digest, name);
  if (await isThere(path)) return path;
  await mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
    throw cacheWriteFailed(path, error);
  });
  try {
    await createWith(path, async (partial) => {
      await run({ tool: "gcc", args: [...options, "-o", partial, source] });
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
