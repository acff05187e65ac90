// SPDX-License-Identifier: MIT
/**
 * The databases of /etc that C libraries look names up in, as small as a program needs them. Accounts are those of
 * the host that the program or its configuration names; passwords and people are none of an image's business.
 */
import { type Account, isOfTheSystem, readAccounts } from "../host/accounts.js";
import { hostView } from "../host/file-view.js";
import type { RootFile } from "./root.js";

const nobody = 65534;

/** `wants` tells whether the program or a file of its configuration names an account, or a file belongs to it. */
export function accountFiles(
  wants: (name: string, id: number) => boolean,
  shell: string,
): readonly RootFile[] {
  const isWanted = ({ name, id }: Account) =>
    id === 0 || id === nobody || (isOfTheSystem(id) && wants(name, id));
  const users = readAccounts(hostView, "user").filter(isWanted);
  const gids = new Set(users.map(({ further: [gid] }) => gid));
  const groups = readAccounts(hostView, "group").filter(
    (group) => gids.has(String(group.id)) || isWanted(group),
  );
  return [
    file(
      "/etc/passwd",
      users.map((user) => userLine(user, shell)),
    ),
    file(
      "/etc/group",
      groups.map(({ name, id }) => `${name}:x:${id}:`),
    ),
    file("/etc/nsswitch.conf", [
      "passwd: files",
      "group: files",
      "shadow: files",
      "hosts: files dns",
      "networks: files",
      "protocols: files",
      "services: files",
    ]),
  ];
}

/** Those of the system, of users and groups. */
export function accountNames(): readonly string[] {
  return (["user", "group"] as const).flatMap((kind) =>
    readAccounts(hostView, kind)
      .filter(({ id }) => isOfTheSystem(id))
      .map(({ name }) => name),
  );
}

/** With the home of the host's account, and of shells the one that the guest has. */
function userLine(
  { name, id, further: [gid = "0", , home = "/", hostShell = ""] }: Account,
  shell: string,
): string {
  const own = /nologin|false|sync/.test(hostShell) ? "/usr/sbin/nologin" : shell;
  return `${name}:x:${id}:${gid}:${name}:${home}:${own}`;
}

function file(path: string, lines: readonly string[]): RootFile {
  return { path, permissions: 0o644, data: Buffer.from(lines.map((line) => `${line}\n`).join("")) };
}
