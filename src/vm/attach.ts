// SPDX-License-Identifier: MIT
/** Sees to it that what a machine is to get is there: directories, and disk images, which are made where they are absent. */
import { access, constants, open, stat } from "node:fs/promises";
import { UklError } from "../errors.js";
import { run } from "../host/exec.js";
import { createWith, isSystemError } from "../host/files.js";
import type { Attachments } from "./attachments.js";

type Disk = Attachments["disks"][string];

/** Whom the program runs as. */
export interface DiskOwner {
  readonly uid: number;
  readonly gid: number;
}

/** A disk that is made belongs to `owner`. Throws UKL-401 to UKL-404, UKL-620 and UKL-621. */
export async function prepareAttachments(
  { volumes, disks }: Attachments,
  owner: DiskOwner = { uid: 0, gid: 0 },
): Promise<void> {
  for (const { host, readOnly } of Object.values(volumes)) await checkDirectory(host, readOnly);
  for (const disk of Object.values(disks)) await prepareDisk(disk, owner);
}

async function checkDirectory(path: string, isReadOnly: boolean): Promise<void> {
  const status = await stat(path).catch((error: unknown) => {
    throw unusable(path, error, "make the directory first: mkdir -p");
  });
  if (!status.isDirectory()) {
    const fix = "name a directory; files are for --include";
    throw unusable(path, new Error("it is not a directory"), fix);
  }
  const wanted = constants.R_OK | constants.X_OK | (isReadOnly ? 0 : constants.W_OK);
  await access(path, wanted).catch((error: unknown) => {
    throw unusable(path, error, "change its permissions, or add ':ro' where reading is enough");
  });
}

async function prepareDisk({ file, size }: Disk, owner: DiskOwner): Promise<void> {
  const status = await stat(file).catch((error: unknown) => {
    if (isSystemError(error) && error.code === "ENOENT") return undefined;
    throw unusable(file, error, "check the path and its permissions");
  });
  if (status === undefined) {
    if (size !== undefined) return makeDisk(file, bytesOf(size), owner);
    throw unusable(file, new Error("there is no such file"), `have it made, by its size: --disk ${file}:1G`);
  }
  if (!status.isFile()) throw unusable(file, new Error("it is not a regular file"), "name a disk image");
  await access(file, constants.R_OK | constants.W_OK).catch((error: unknown) => {
    throw unusable(file, error, "change its permissions");
  });
  if (!(await hasFileSystem(file))) throw noFileSystem(file);
}

/** The magic number of ext2, ext3 and ext4 in the superblock: Documentation/filesystems/ext4/super.rst. */
const magic = { offset: 1024 + 56, value: 0xef53 };

async function hasFileSystem(file: string): Promise<boolean> {
  const handle = await open(file).catch((error: unknown) => {
    throw unusable(file, error, "check the path and its permissions");
  });
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, magic.offset);
    return bytesRead === 2 && buffer.readUInt16LE() === magic.value;
  } finally {
    await handle.close();
  }
}

/** Without packages of a system that has /usr/sbin on the PATH of root alone. */
const mkfs = "/usr/sbin/mkfs.ext4";
const debugfs = "/usr/sbin/debugfs";

/**
 * A sparse file: `assume_storage_prezeroed` leaves its zeros unwritten. All of it is for data: nothing is reserved for
 * root, which is who writes in most guests. It is empty: programs that make a directory their own refuse one with
 * something in it, and e2fsck makes its lost+found when it has found something.
 */
async function makeDisk(file: string, sizeBytes: number, { uid, gid }: DiskOwner): Promise<void> {
  const extended = `assume_storage_prezeroed=1,root_owner=${uid}:${gid}`;
  const options = ["-q", "-F", "-m", "0", "-E", extended];
  await createWith(file, async (partial) => {
    const handle = await open(partial, "wx");
    await handle.truncate(sizeBytes).finally(() => handle.close());
    await run({ tool: mkfs, args: [...options, partial] });
    await run({ tool: debugfs, args: ["-w", "-R", "rmdir lost+found", partial] });
  });
}

/** Of a size as the configuration has it. */
function bytesOf(size: string): number {
  return Number.parseInt(size, 10) * (size.endsWith("G") ? 2 ** 30 : 2 ** 20);
}

function unusable(path: string, error: unknown, fix: string): UklError {
  const cause = error instanceof Error ? error.message : String(error);
  return new UklError("UKL-620", { what: `${path} cannot be attached`, cause, fix }, { cause: error });
}

function noFileSystem(file: string): UklError {
  return new UklError("UKL-621", {
    what: `${file} has no file system that the guest can mount`,
    cause: "it is no image of an ext4 file system: the superblock does not say so",
    fix: "name another file to have a disk made, or make the file system: mkfs.ext4",
  });
}
