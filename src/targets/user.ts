// SPDX-License-Identifier: MIT
/** `USER[:GROUP]`, names or numbers, by the accounts of where the program is from. */
import type { UklError } from "../errors.js";
import { accountId, readAccounts } from "../host/accounts.js";
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
  view: Pick<FileView, "locate">,
  text: string,
  unknown: (kind: "user" | "group", name: string) => UklError,
): TargetUser {
  if (text === "") return { uid: 0, gid: 0, groups: [] };
  const [user = "", group] = text.split(":");
  const account = readAccounts(view, "user").find(({ name, id }) => name === user || String(id) === user);
  const uid = accountId(user) ?? account?.id;
  if (uid === undefined) throw unknown("user", user);
  const groups = readAccounts(view, "group");
  if (group !== undefined) {
    const gid = accountId(group) ?? groups.find(({ name }) => name === group)?.id;
    if (gid === undefined) throw unknown("group", group);
    return { uid, gid, groups: [] };
  }
  const hasMember = ([members = ""]: readonly string[]) =>
    account !== undefined && members.split(",").includes(account.name);
  const further = groups.filter((each) => hasMember(each.further)).map(({ id }) => id);
  return { uid, gid: accountId(account?.further[0]) ?? 0, groups: further.slice(0, mostGroups) };
}
