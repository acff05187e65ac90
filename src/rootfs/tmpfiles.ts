// SPDX-License-Identifier: MIT
/**
 * tmpfiles.d(5): directories that a package wants at each start of a system, below /run above all, which is empty then.
 * Of its lines those that make directories of a package's own are followed.
 */
import { accountId, readAccounts } from "../host/accounts.js";
import type { FileView, Owner } from "../host/file-view.js";
import { readInput } from "../host/files.js";
import type { RootDirectory } from "./host-tree.js";

interface DeclaredDirectory {
  readonly path: string;
  readonly permissions: number;
  /** Names or numbers; root where they say nothing. */
  readonly user: string;
  readonly group: string;
}

export const tmpfilesDirectory: RegExp = /^\/(?:usr\/)?lib\/tmpfiles\.d(?:\/|$)/;

const standardPermissions = 0o755;
/** The rest is for the system as a whole. Specifiers, with a per cent sign, are about a running one. */
const ownPath = /^\/(?:run|var\/(?:run|log|lib|cache|spool))(?:\/(?!\.{1,2}(?:\/|$))[^/%"'\0]+)+$/;
const longestPath = 4095;

/** The directories that a file of a package declares; none where the path is no such file. */
export async function directoriesOf(
  view: FileView,
  path: string,
): Promise<ReadonlyMap<string, RootDirectory>> {
  if (!path.endsWith(".conf")) return new Map();
  const bytes = await readInput(view.locate(path)).catch(() => Buffer.of());
  const users = idsOf(view, "user");
  const groups = idsOf(view, "group");
  return new Map(
    parseTmpfiles(bytes.toString()).map(({ path: directory, permissions, user, group }) => {
      const owner: Owner = { uid: users(user), gid: groups(group) };
      return [directory, { permissions, owner }];
    }),
  );
}

export function parseTmpfiles(text: string): readonly DeclaredDirectory[] {
  return text.split("\n").flatMap((line) => {
    const [type = "", written = "", mode = "-", user = "-", group = "-"] = line.trim().split(/\s+/);
    const path = written.replace(/\/+$/, "");
    if (!/^[dD][-!+=~^$]*$/.test(type) || path.length > longestPath || !ownPath.test(path)) return [];
    // In front of the mode and the names, for what is there already.
    const digits = /^[~:]*([0-7]{3,4})$/.exec(mode)?.[1];
    const permissions = digits === undefined ? standardPermissions : Number.parseInt(digits, 8);
    return [{ path, permissions, user: user.replace(/^:/, ""), group: group.replace(/^:/, "") }];
  });
}

/** From names to numbers. Who is not there yet is root: a package that is not installed has made no accounts. */
function idsOf(view: FileView, kind: "user" | "group"): (name: string) => number {
  const ids = new Map(readAccounts(view, kind).map(({ name, id }) => [name, id]));
  return (name) => ids.get(name) ?? accountId(name) ?? 0;
}
