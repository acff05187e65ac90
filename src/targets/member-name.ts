// SPDX-License-Identifier: MIT
/** The names in archives, of which none may lead out of it. */
import { UklError } from "../errors.js";
import { encodeName } from "../host/names.js";

/** NAME_MAX and PATH_MAX (include/uapi/linux/limits.h), of which a NUL takes the last. */
const longestPartBytes = 255;
const longestPathBytes = 4095;
/** Far more than what is on any disk, so that what follows each path from the root comes to an end. */
const mostParts = 1024;
const shownLength = 80;

/**
 * Relative to the root, without `./` and slashes in front, as Docker takes it, and without one at the end; empty for the
 * root itself. Throws UKL-230 for a name that no file can have and UKL-233 for one that leads out.
 */
export function memberName(name: string, what: string): string {
  const parts = name.split("/").filter((part) => part !== "." && part !== "");
  if (parts.includes("..")) throw leadsOut(name, what, "it has '..' in it");
  if (name.includes("\0")) throw leadsOut(name, what, "it has a NUL in it");
  checkParts(parts, name, what);
  return parts.join("/");
}

/** The same of where a member comes to be, by links on its way. */
export function checkPlace(path: string, what: string): void {
  checkParts(path.split("/").slice(1), path, what);
}

function checkParts(parts: readonly string[], name: string, what: string): void {
  const bytes = parts.reduce((sum, part) => sum + 1 + encodeName(part).length, 0);
  const longest = Math.max(0, ...parts.map((part) => encodeName(part).length));
  if (longest <= longestPartBytes && bytes <= longestPathBytes && parts.length <= mostParts) return;
  const isShown = name.length <= shownLength;
  throw new UklError("UKL-230", {
    what: `${what} has a name that no file can have: ${JSON.stringify(name.slice(0, shownLength))}${isShown ? "" : "…"}`,
    cause: `it has ${parts.length} parts, the longest of ${longest} bytes, and ${bytes} bytes in all; a name has at most ${mostParts}, of ${longestPartBytes} bytes, and ${longestPathBytes} in all`,
    fix: "make it anew, from files that are on a disk",
  });
}

export function leadsOut(name: string, what: string, cause: string): UklError {
  return new UklError("UKL-233", {
    what: `${what} has a member outside itself: ${JSON.stringify(name)}`,
    cause,
    fix: "do not trust whoever made it, or make it with names relative to its root",
  });
}
