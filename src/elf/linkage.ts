// SPDX-License-Identifier: MIT
/**
 * How a file was linked. The header alone does not tell: a position independent executable and a shared
 * library are both ET_DYN. The answer needs no section headers.
 */
import { DF_1_PIE, PT } from "./constants.js";
import type { Dynamic } from "./dynamic.js";
import type { ElfLayout } from "./layout.js";

/** "static" and "static-pie" run without a loader, "dynamic" and "dynamic-pie" with one. */
export type Linkage = "relocatable" | "static" | "static-pie" | "dynamic" | "dynamic-pie" | "shared-library";

export function classifyLinkage(
  layout: ElfLayout,
  dynamic: Dynamic | undefined,
  interpreter: string | undefined,
): Linkage {
  if (layout.kind === "relocatable") return "relocatable";
  const needsLoader = interpreter !== undefined || (dynamic?.needed.length ?? 0) > 0;
  if (layout.kind === "executable") return needsLoader ? "dynamic" : "static";
  if (!isPie(layout, dynamic, interpreter)) return "shared-library";
  return needsLoader ? "dynamic-pie" : "static-pie";
}

/**
 * DF_1_PIE settles it. Linkers before binutils 2.26 did not set it; then a name for others (DT_SONAME)
 * tells a library, even one that can be run like libc.so.6 or ld.so, and an interpreter an executable.
 */
function isPie(layout: ElfLayout, dynamic: Dynamic | undefined, interpreter: string | undefined): boolean {
  if (dynamic !== undefined && (dynamic.flags1 & DF_1_PIE) !== 0n) return true;
  if (dynamic?.soname !== undefined) return false;
  if (interpreter !== undefined) return true;
  const isLoadable = layout.segments.some(({ type }) => type === PT.LOAD);
  return isLoadable && layout.entry !== 0n && (dynamic?.needed.length ?? 0) === 0;
}
