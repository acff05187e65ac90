// SPDX-License-Identifier: MIT
/** What goes wrong with volumes and disks once the machine is started, told so that a user knows what to do. */
import { realpath } from "node:fs/promises";
import { UklError } from "../errors.js";
import { lastLines } from "../host/exec.js";
import { processesHolding } from "../host/open-files.js";
import type { GuestMount } from "./attachments.js";

/** QEMU's own words: it locks what it opens (block/file-posix.c). */
const lockRefused = /Failed to get .* lock\nIs another process using the image \[(.*)\]\?/;

/** UKL-622, when that is why QEMU ended. */
export async function diskInUse(qemuStderr: string): Promise<UklError | undefined> {
  const file = lockRefused.exec(qemuStderr)?.[1];
  if (file === undefined) return undefined;
  const holders = await processesHolding(await realpath(file).catch(() => file));
  const names = holders.map(({ name, pid }) => `${name} (process ${pid})`).join(", ");
  return new UklError("UKL-622", {
    what: `${file} is in use`,
    cause: names === "" ? "another process has locked it" : `it is the disk of ${names}`,
    fix: "end the other machine first, or give each a disk of its own: two systems on one disk destroy it",
  });
}

/** UKL-624, for what the guest says of entry N of /ukl/mounts as `mount/N`; undefined for all else. */
export function mountRefused(
  { what, errno }: { readonly what: string; readonly errno: number },
  mounts: readonly GuestMount[],
  consoleTail: string,
  errorText: string,
): UklError | undefined {
  const mount = mounts[Number(/^mount\/(\d+)$/.exec(what)?.[1])];
  if (mount === undefined) return undefined;
  const { target, hostPath, type } = mount;
  const said = lastLines(consoleTail, 3).trim();
  return new UklError("UKL-624", {
    what: `the guest cannot mount ${hostPath} at ${target}`,
    cause: `mount of type ${type} failed with ${errorText}${said === "" ? "" : `; the console ends in:\n${said}`}`,
    fix: remedy(mount, errno),
  });
}

const noDevice = 19;
const noEntry = 2;
const notDirectory = 20;

function remedy({ type, hostPath, target }: GuestMount, errno: number): string {
  if (errno === notDirectory)
    return `mount it elsewhere: ${target} of the image is no directory, or is below a file`;
  if (errno === noDevice || errno === noEntry) {
    return "build the image with -v or --disk, or with --kernel generic, so that its kernel knows such a file system";
  }
  return type === "ext4"
    ? `see whether the file system is whole: e2fsck -f ${hostPath}`
    : "see what the kernel says: --append loglevel=7";
}
