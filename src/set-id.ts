// SPDX-License-Identifier: MIT
/** As whom a file of the application makes it run: set-user-ID and set-group-ID, as far as the image can have them. */
import type { FileNode, Owner } from "./host/file-view.js";
import type { Manifest } from "./manifest.js";
import { guestOwner } from "./rootfs/host-tree.js";

const setUserId = 0o4000;
const setGroupId = 0o2000;
const root: Owner = { uid: 0, gid: 0 };

/** What the application's file has in the image. */
export interface ApplicationFile {
  /** Of set-user-ID and set-group-ID those that count. */
  readonly setId: number;
  readonly owner: Owner;
  /** Why one of them does not, for the user. */
  readonly note?: string;
}

/**
 * A file that runs in ring 0 belongs to root (kernel/patches), so it cannot make the application somebody else; and what
 * belongs to a person of this machine, belongs to root in the guest.
 */
export function applicationFile(
  mode: Manifest["mode"],
  file: string,
  { node, keepsOwner }: { readonly node: FileNode | undefined; readonly keepsOwner: boolean },
): ApplicationFile {
  const wanted = (node?.permissions ?? 0) & (setUserId | setGroupId);
  if (node === undefined || wanted === 0) return { setId: 0, owner: root };
  const owner = keepsOwner ? node.owner : guestOwner(node.owner);
  const ofPerson = (id: "uid" | "gid") =>
    owner[id] === node.owner[id] ? undefined : `${id} ${node.owner[id]} is somebody of this machine`;
  const ofRing0 = mode === "unikernel" && owner.uid !== 0 ? "in ring 0 it could only be root" : undefined;
  const user = (wanted & setUserId) === 0 ? undefined : (ofPerson("uid") ?? ofRing0);
  const group = (wanted & setGroupId) === 0 ? undefined : ofPerson("gid");
  const setId = wanted & ~(user === undefined ? 0 : setUserId) & ~(group === undefined ? 0 : setGroupId);
  const uid = mode === "unikernel" ? 0 : owner.uid;
  const found = { setId, owner: { uid, gid: (setId & setGroupId) === 0 ? 0 : owner.gid } };
  const reasons = [...new Set([user, group])].filter((reason) => reason !== undefined);
  if (reasons.length === 0) return found;
  const bits = [...(user ? ["set-user-ID"] : []), ...(group ? ["set-group-ID"] : [])].join(" and ");
  return { ...found, note: `${file} loses its ${bits} in the image: ${reasons.join("; ")}` };
}
