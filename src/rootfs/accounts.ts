// SPDX-License-Identifier: MIT
/**
 * The databases of /etc that C libraries look names up in, as small as a program needs them. Accounts are those of
 * the host that the program or its configuration names; passwords and people are none of an image's business.
 */
import { type Account, readAccounts } from "../host/accounts.js";
import { hostView } from "../host/file-view.js";
import type { RootFile } from "./root.js";

/** Accounts from here on are people's (login.defs: UID_MIN). */
const firstPerson = 1000;
const nobody = 65534;

/** `wants` tells whether the program or a file of its configuration names an account, or a file belongs to it. */
export function accountFiles(wants: (name: string, id: number) => boolean): readonly RootFile[] {
  const isWanted = ({ name, id }: Account) =>
    id === 0 || id === nobody || (id < firstPerson && wants(name, id));
  const users = readAccounts(hostView, "user").filter(isWanted);
  const gids = new Set(users.map(({ further: [gid] }) => gid));
  const groups = readAccounts(hostView, "group").filter(
    (group) => gids.has(String(group.id)) || isWanted(group),
  );
  return [
    file(
      "/etc/passwd",
      users.map(({ name, id, further: [gid = "0"] }) => `${name}:x:${id}:${gid}:${name}:/:/usr/sbin/nologin`),
    ),
    file(
      "/etc/group",
      groups.map(({ name, id }) => `${name}:x:${id}:`),
    ),
    file("/etc/hosts", ["127.0.0.1 localhost", "::1 localhost"]),
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

function file(path: string, lines: readonly string[]): RootFile {
  return { path, permissions: 0o644, data: Buffer.from(lines.map((line) => `${line}\n`).join("")) };
}
