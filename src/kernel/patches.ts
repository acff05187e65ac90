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
  /** Of what it changes: another message makes no other kernel. */
  readonly digest: string;
}

/** The series in its order: the patches are numbered 0001 and up. */
export async function listPatches(directory = packageFile("kernel", "patches")): Promise<readonly Patch[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{4}-.*\.patch$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      return { path, digest: sha256(changes(await readFile(path, "latin1"))) };
    }),
  );
}

/** All from the first file's header on. */
function changes(patch: string): string {
  return patch.slice(Math.max(0, patch.search(/^(?:diff --git|---) \S/m)));
}

/** Nothing is guessed or asked, and nothing is left beside the patched files. */
const patchOptions = [
  "-p1",
  "--fuzz=0",
  "--forward",
  "--batch",
  "--no-backup-if-mismatch",
  "--reject-file=-",
];

/** Applies the series to the tree at `directory`. Throws UKL-303 naming the patch and the file. */
export async function applyPatches(patches: readonly Patch[], directory: string): Promise<void> {
  for (const patch of patches) {
    const outcome = await attempt({
      tool: "patch",
      args: [...patchOptions, "-i", patch.path],
      cwd: directory,
    });
    if (outcome.exitStatus === 0) continue;
    throw new UklError("UKL-303", {
      what: `${basename(patch.path)} does not apply to this kernel source`,
      cause: complaints(outcome.stdout) || lastLines(outcome.stderr),
      fix: "use the source of the Linux version that the README names, without patches of others on top",
    });
  }
}

/** What patch(1) could not do, with the file in front: it names the file first, and then prints the hunks. */
function complaints(output: string): string {
  const found: string[] = [];
  let file = "";
  for (const line of output.split("\n")) {
    const named =
      /^(?:patching file|The next patch would create the file) (.+?),?$/.exec(line) ??
      /^\|\+\+\+ [^/]+\/(\S+)/.exec(line);
    file = named?.[1] ?? file;
    if (/FAILED at|Skipping patch/.test(line)) found.push(`${file}: ${line}`);
  }
  return found.join("\n");
}
