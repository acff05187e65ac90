// SPDX-License-Identifier: MIT
/**
 * `[USER][:GROUP]`, names or numbers, by the accounts of where the program is from, as Docker reads it: nobody named is
 * user 0, and who has no group named has those of the account.
 */
import { UklError } from "../errors.js";
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
  view: FileView,
  text: string,
  unknown: (kind: "user" | "group", name: string) => UklError,
): TargetUser {
  const [user = "", group = ""] = text.split(":");
  const wanted = user === "" ? 0 : accountId(user);
  const account = readAccounts(view, "user").find(({ name, id }) => name === user || id === wanted);
  const uid = account?.id ?? wanted;
  if (uid === undefined) throw unknown("user", user);
  const groups = readAccounts(view, "group");
  if (group !== "") {
    const number = accountId(group);
    const gid = groups.find(({ name, id }) => name === group || id === number)?.id ?? number;
    if (gid === undefined) throw unknown("group", group);
    return { uid, gid, groups: [] };
  }
  const hasMember = ([members = ""]: readonly string[]) =>
    account !== undefined && members.split(",").includes(account.name);
  const further = groups.filter((each) => hasMember(each.further)).map(({ id }) => id);
  return { uid, gid: accountId(account?.further[0]) ?? 0, groups: further.slice(0, mostGroups) };
}

/** Of somebody whom the configuration names. */
export function unknownUser(kind: "user" | "group", name: string): UklError {
  return new UklError("UKL-114", {
    what: `there is no ${kind} '${name}'`,
    cause: `the program is to run as it, and /etc/${kind === "user" ? "passwd" : "group"} does not have it`,
    fix: "name one that is there, or give a number",
  });
}
