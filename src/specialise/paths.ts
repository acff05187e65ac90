// SPDX-License-Identifier: MIT
/** Whether a path that a program has may be one of those that a row of the table is about. */

/** The directory of a process, which globs write as that of the process itself. */
const process = /^\/proc\/(?:\d+|%[-0-9]*l*[diu]|thread-self)(?=\/|$)/;

/**
 * A path may be a format of printf, and may be the beginning of the one that is opened: where it ends above what the
 * glob names, what lies below may be meant.
 */
export function mayMatch(path: string, glob: string): boolean {
  const components = path
    .replace(process, "/proc/self")
    .split("/")
    .filter((component) => component !== "");
  for (const [index, wanted] of glob.slice(1).split("/").entries()) {
    const component = components[index];
    if (wanted === "**" || component === undefined) return true;
    if (component.includes("%s")) return true;
    if (!mayEqual(component, wanted)) return false;
  }
  return components.length <= glob.split("/").length - 1;
}

/** Of one component: `*` in the glob, and a conversion in the path, stand for anything. */
function mayEqual(component: string, glob: string): boolean {
  const escaped = (text: string) => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
  const isNumber = /%[-0-9]*l*[diux]/g;
  if (glob.includes("*") || !isNumber.test(component)) {
    return new RegExp(`^${escaped(glob).replaceAll("*", ".*")}$`).test(component);
  }
  return new RegExp(`^${escaped(component.replace(isNumber, "%")).replaceAll("%", "\\d+")}$`).test(glob);
}

/** Whether a path is one of those of the glob for sure. */
export function isWithin(path: string, glob: string): boolean {
  const below = glob.endsWith("/**");
  const components = (below ? glob.slice(0, -3) : glob).split("/");
  const own = path.replace(/\/$/, "").split("/");
  const isLong = below ? own.length >= components.length : own.length === components.length;
  return isLong && components.every((wanted, index) => mayEqual(own[index] ?? "", wanted));
}

/** What of the kernel's file systems a text mentions: a script, an argument, a variable. */
export function pathsIn(text: string): readonly string[] {
  const found = text.match(/\/(?:proc|sys|dev)(?![\w.-])[\w./%*-]*/g) ?? [];
  return [...new Set(found)].sort();
}
