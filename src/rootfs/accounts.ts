// SPDX-License-Identifier: MIT
/**
 * The databases of /etc that C libraries look names up in, as small as a program needs them. Accounts are those of
 * the host that the program or its configuration names; passwords and people are none of an image's business.
 */
import { readInput } from "../host/files.js";
import type { RootFile } from "./root.js";

/** Accounts from here on are people's (login.defs: UID_MIN). */
const firstPerson = 1000;
const nobody = 65534;

/** `wants` tells whether the program or a file of its configuration names an account, or a file belongs to it. */
export async function accountFiles(
  wants: (name: string, id: number) => boolean,
): Promise<readonly RootFile[]> {
  const users = (await entries("/etc/passwd")).filter(([name = "", , uid]) =>
    isWanted(name, Number(uid), wants),
  );
  const gids = new Set(users.map(([, , , gid]) => gid));
  const groups = (await entries("/etc/group")).filter(
    ([name = "", , gid]) => gids.has(gid) || isWanted(name, Number(gid), wants),
  );
  return [
    file(
      "/etc/passwd",
      users.map(([name, , uid, gid]) => `${name}:x:${uid}:${gid}:${name}:/:/usr/sbin/nologin`),
    ),
    file(
      "/etc/group",
      groups.map(([name, , gid]) => `${name}:x:${gid}:`),
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

async function entries(path: string): Promise<readonly (readonly string[])[]> {
  const text = await readInput(path).then(
    (bytes) => bytes.toString("utf8"),
    () => "",
  );
  return text.split("\n").flatMap((line) => (/^[\w-]+:[^:]*:\d+:/.test(line) ? [line.split(":")] : []));
}

function isWanted(name: string, id: number, wants: (name: string, id: number) => boolean): boolean {
  return id === 0 || id === nobody || (id < firstPerson && wants(name, id));
}

function file(path: string, lines: readonly string[]): RootFile {
  return { path, permissions: 0o644, data: Buffer.from(lines.map((line) => `${line}\n`).join("")) };
}
