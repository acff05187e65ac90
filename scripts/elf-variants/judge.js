// SPDX-License-Identifier: MIT
// What ukl does with a file: the passes of a build that look at it.
import { rmSync, writeFileSync } from "node:fs";
import { checkExecutable } from "../../dist/elf/executable.js";
import { parseElf } from "../../dist/elf/file.js";
import { UklError } from "../../dist/errors.js";
import { inspect } from "../../dist/inspect/inspect.js";
import { layOutPayload } from "../../dist/link/payload.js";

/**
 * @param {string} path
 * @param {Uint8Array} bytes
 * @returns {Promise<{ readonly outcome: "taken" | "refused", readonly reason: string }>}
 */
export async function judge(path, bytes) {
  writeFileSync(path, bytes, { mode: 0o755 });
  try {
    const application = parseElf(bytes, path);
    if (["relocatable", "shared-library"].includes(application.linkage)) {
      return { outcome: "refused", reason: `it is linked as ${application.linkage}` };
    }
    checkExecutable(application);
    const { missingLibraries } = await inspect({ path, mode: "precise" });
    if (missingLibraries.length > 0) return { outcome: "refused", reason: `no ${missingLibraries[0].name}` };
    const members = new Uint8Array(0);
    layOutPayload({ members, application, guestPath: "/bin/variant", permissions: 0o755, manifest: "{}" });
    return { outcome: "taken", reason: "" };
  } catch (error) {
    if (!(error instanceof UklError) || error.code === "UKL-901") throw error;
    return { outcome: "refused", reason: `${error.code} ${error.detail.cause}` };
  } finally {
    rmSync(path);
  }
}
