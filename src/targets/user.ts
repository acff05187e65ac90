// SPDX-License-Identifier: MIT
/** `USER[:GROUP]`, names or numbers, by the accounts of where the program is from. */
import { readFileSync } from "node:fs";
import type { UklError } from "../errors.js";
import type { FileView } from "../host/file-view.js";

export interface TargetUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** As many as init takes (syscall-stubs/x86_64/init/process.c). */
const mostGroups = 64;

/** Throws what `unknown` makes of a name that is none. */
export function userOf(
  view: FileView,
  text: string,
  unknown: (kind: "user" | "group", name: string) => UklError,
): TargetUser {
  if (text === "") return { uid: 0, gid: 0, groups: [] };
  const [user = "", group] = text.split(":");
  const accounts = linesOf(view, "/etc/passwd");
  const account = accounts.find(([name, , uid]) => name === user || uid === user);
  const uid = number(user) ?? number(account?.[2]);
  if (uid === undefined) throw unknown("user", user);
  const groups = linesOf(view, "/etc/group");
  if (group !== undefined) {
    const gid = number(group) ?? number(groups.find(([name]) => name === group)?.[2]);
    if (gid === undefined) throw unknown("group", group);
    return { uid, gid, groups: [] };
  }
  const further = groups.filter(
    ([, , , members = ""]) => account !== undefined && members.split(",").includes(account[0] ?? ""),
  );
  const ids = further.flatMap(([, , gid]) => number(gid) ?? []).slice(0, mostGroups);
  return { uid, gid: number(account?.[3]) ?? 0, groups: ids };
}

function linesOf(view: FileView, path: string): readonly (readonly string[])[] {
  try {
    return readFileSync(view.locate(path), "utf8")
      .split("\n")
      .map((line) => line.split(":"));
  } catch {
    return [];
  }
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
