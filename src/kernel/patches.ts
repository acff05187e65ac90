// SPDX-License-Identifier: MIT
/** The patch series in kernel/patches, applied to an unpacked source without fuzz. */
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { UklError } from "../errors.js";
import { attempt, lastLines } from "../host/exec.js";
import { sha256 } from "../host/files.js";
import { packageFile } from "../host/places.js";

export interface Patch {
  readonly path: string;
  readonly digest: string;
}

/** The series in its order: the patches are numbered 0001 and up. */
export async function listPatches(directory = packageFile("kernel", "patches")): Promise<readonly Patch[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{4}-.*\.patch$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      return { path, digest: sha256(await readFile(path)) };
    }),
  );
}

/** Applies the series to the tree at `directory`. Throws UKL-303 naming the patch and the file. */
export async function applyPatches(patches: readonly Patch[], directory: string): Promise<void> {
  for (const patch of patches) {
    const outcome = await attempt({
      tool: "patch",
      args: ["-p1", "--fuzz=0", "--forward", "--batch", "--reject-file=-", "-i", patch.path],
      cwd: directory,
    });
    if (outcome.exitStatus === 0) continue;
    throw new UklError("UKL-303", {
      what: `${basename(patch.path)} does not apply to this kernel source`,
      cause: lastLines(outcome.stdout || outcome.stderr),
      fix: "use the source of the Linux version that the README names, without patches of others on top",
    });
  }
}
