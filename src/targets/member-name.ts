// SPDX-License-Identifier: MIT
/** The names in archives, of which none may lead out of it. */
import { UklError } from "../errors.js";

/** NAME_MAX and half of PATH_MAX (include/uapi/linux/limits.h). */
const longestPartBytes = 255;
const mostParts = 2048;
const shownLength = 80;

/** Without `./` in front and a slash at the end; empty for the root. Throws UKL-233. */
export function memberName(name: string, what: string): string {
  const parts = name.split("/").filter((part, index) => part !== "." && (part !== "" || index === 0));
  if (parts[0] === "" && name !== "") throw leadsOut(name, what, "it begins with a slash");
  if (parts.includes("..")) throw leadsOut(name, what, "it has '..' in it");
  if (parts.some((part) => Buffer.byteLength(part) > longestPartBytes) || parts.length > mostParts) {
    throw new UklError("UKL-230", {
      what: `${what} has a name that no file can have: ${JSON.stringify(name.slice(0, shownLength))}…`,
      cause: `it has ${parts.length} parts and ${name.length} characters`,
      fix: "make it anew, from files that are on a disk",
    });
  }
  if (name.includes("\0")) throw leadsOut(name, what, "it has a NUL in it");
  return parts.join("/");
}

function leadsOut(name: string, what: string, cause: string): UklError {
  return new UklError("UKL-233", {
    what: `${what} has a member outside itself: ${JSON.stringify(name)}`,
    cause,
    fix: "do not trust whoever made it, or make it with names relative to its root",
  });
}
