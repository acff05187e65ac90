// SPDX-License-Identifier: MIT
/** Volumes and disks for tests, and what a disk looks like from outside. */
import { execFileSync, spawnSync } from "node:child_process";
import { expect } from "vitest";
import type { Attachments } from "../../src/vm/attachments.js";

export const volumeAt = (guest: string, host: string, readOnly = false): Attachments => ({
  volumes: { [guest]: { host, readOnly } },
  disks: {},
});

export const diskAt = (guest: string, file: string, size = "64M"): Attachments => ({
  volumes: {},
  disks: { [guest]: { file, size } },
});

/** A file system is whole, and needs no journal to be replayed. */
export function expectClean(file: string): void {
  expect(superblock(file)).toMatch(/Filesystem state: +clean\n/);
  expect(superblock(file)).not.toContain("needs_recovery");
  const { status, stdout } = spawnSync("/usr/sbin/e2fsck", ["-fn", file], { encoding: "latin1" });
  expect({ status, stdout }).toMatchObject({ status: 0 });
}

/** As dumpe2fs(8) prints it. */
export function superblock(file: string): string {
  return execFileSync("/usr/sbin/dumpe2fs", ["-h", file], { encoding: "latin1", stdio: "pipe" });
}
