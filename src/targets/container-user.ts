// SPDX-License-Identifier: MIT
/** `USER[:GROUP]`, names or numbers, by the accounts of the image. */
import { readFileSync } from "node:fs";
import type { FileView } from "../host/file-view.js";
import { unusableContainer } from "./container-errors.js";

export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** As many as init takes (syscall-stubs/x86_64/init/process.c). */
const mostGroups = 64;

/** Throws UKL-232 for a name that is none. */
export function userOf(view: FileView, image: string, text: string): ContainerUser {
  if (text === "") return { uid: 0, gid: 0, groups: [] };
  const [user = "", group] = text.split(":");
  const accounts = linesOf(view, "/etc/passwd");
  const account = accounts.find(([name, , uid]) => name === user || uid === user);
  const uid = number(user) ?? number(account?.[2]);
  if (uid === undefined) throw unknown(image, "user", user);
  const groups = linesOf(view, "/etc/group");
  if (group !== undefined) {
    const gid = number(group) ?? number(groups.find(([name]) => name === group)?.[2]);
    if (gid === undefined) throw unknown(image, "group", group);
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

function unknown(image: string, kind: string, name: string) {
  return unusableContainer(
    image,
    `it is to run as the ${kind} '${name}', whom its accounts do not have`,
    "make it with a user of its /etc/passwd, or with numbers",
  );
}
