// SPDX-License-Identifier: MIT
/**
 * Disks and directories of the host that a machine gets: as QEMU's devices, and as what init mounts
 * (syscall-stubs/x86_64/init/mounts.c). A pure function of what is asked.
 */
import { UklError } from "../errors.js";

/** By absolute path in the guest. */
export interface Attachments {
  readonly volumes: Readonly<Record<string, { readonly host: string; readonly readOnly: boolean }>>;
  readonly disks: Readonly<Record<string, { readonly file: string; readonly size?: string | undefined }>>;
}

export interface GuestMount {
  readonly type: "9p" | "ext4";
  readonly source: string;
  readonly target: string;
  readonly isReadOnly: boolean;
  /** Of the file system, as for mount(2). */
  readonly options: string;
  /** What of the host it is. */
  readonly hostPath: string;
}

export interface AttachmentPlan {
  readonly qemuArguments: readonly string[];
  /** A directory comes before what is below it. */
  readonly mounts: readonly GuestMount[];
}

/** microvm has eight transports for devices; one is the network card's. */
const maxDevices = 7;

/**
 * cache=mmap lets shared mappings be written to, and would keep pages for all else, too; directio takes that away, so
 * that read() and write() are the host's. The greatest message that the transport takes (net/9p/trans_virtio.c).
 */
const plan9Options = "trans=virtio,version=9p2000.L,cache=mmap,directio,msize=512000";

/** As Debian mounts its own root. Blocks of deleted files become holes of the disk's file again. */
const ext4Options = "errors=remount-ro,discard";

/** `isRoot`: of the user who runs QEMU. Throws UKL-101. */
export function planAttachments({ volumes, disks }: Attachments, isRoot: boolean): AttachmentPlan {
  const targets = [...Object.keys(volumes), ...Object.keys(disks)];
  const twice = targets.find((target, index) => targets.indexOf(target) !== index);
  if (twice !== undefined) throw mistaken(`${twice} is mounted twice`, "a volume and a disk have that place");
  if (targets.length > maxDevices) {
    throw mistaken(`there are ${targets.length} volumes and disks`, `the machine has room for ${maxDevices}`);
  }
  const directories = Object.entries(volumes).map(([target, volume], index) => ({
    qemuArguments: volumeDevice(`volume${index}`, volume, isRoot),
    mount: {
      ...{ type: "9p" as const, source: `volume${index}`, target },
      ...{ isReadOnly: volume.readOnly, options: plan9Options, hostPath: volume.host },
    },
  }));
  const images = Object.entries(disks).map(([target, { file }], index) => ({
    qemuArguments: diskDevice(`disk${index}`, file),
    mount: {
      ...{ type: "ext4" as const, source: `/dev/vd${"abcdefgh"[index]}`, target },
      ...{ isReadOnly: false, options: ext4Options, hostPath: file },
    },
  }));
  const all = [...directories, ...images];
  return {
    qemuArguments: all.flatMap(({ qemuArguments }) => qemuArguments),
    mounts: all.map(({ mount }) => mount).sort((left, right) => (left.target < right.target ? -1 : 1)),
  };
}

/**
 * QEMU serves the directory itself. For root files have the owner that the guest gives them. Nobody else can give
 * files away: theirs belong to who runs QEMU, and with `none` that is no error.
 */
function volumeDevice(id: string, { host, readOnly }: Attachments["volumes"][string], isRoot: boolean) {
  const model = isRoot ? "passthrough" : "none";
  const access = readOnly ? ",readonly=on" : "";
  // A comma ends a value, unless there are two.
  const path = host.replaceAll(",", ",,");
  return [
    ...["-fsdev", `local,id=${id},path=${path},security_model=${model},multidevs=remap${access}`],
    ...["-device", `virtio-9p-device,fsdev=${id},mount_tag=${id}`],
  ];
}

/**
 * What the guest writes is in the host's page cache, and its flushes are fdatasync(2) of the file: what fsync() in the
 * guest promised holds when QEMU is killed, and when the host loses power. An error of the host's file, such as a full
 * disk, is the guest's error; by default QEMU would stop the machine for good.
 */
function diskDevice(id: string, file: string): readonly string[] {
  const cache = { direct: false, "no-flush": false };
  const storage = { driver: "file", filename: file, cache, discard: "unmap" };
  const block = { "node-name": id, driver: "raw", file: storage, cache, discard: "unmap" };
  return [
    ...["-blockdev", JSON.stringify(block)],
    ...["-device", `virtio-blk-device,drive=${id},werror=report,rerror=report`],
  ];
}

function mistaken(what: string, cause: string): UklError {
  return new UklError("UKL-101", {
    what,
    cause,
    fix: "correct -v and --disk, or run.volumes and run.disks of the configuration",
  });
}
