// SPDX-License-Identifier: MIT
/**
 * A program that uses one facility of the kernel gets the option of that facility and no other. That the facility is
 * there with the option and not without it is shown by test/kernels/kernel-options.test.ts, with the same program.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { inspect } from "../../src/inspect/inspect.js";
import { readNeeds, splitOption, tableOptions } from "../../src/specialise/needs.js";
import { selectOptions } from "../../src/specialise/select.js";

const source = fileURLToPath(new URL("../kernels/kernel-options/probes.c", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "ukl-probes-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A probe that has to make a process gets what processes need. */
const processes = ["FUTEX", "FUTEX_PI", "NR_CPUS", "SMP"];

/** A card, for who can reach it. */
const card = ["NET", "NETDEVICES", "NET_CORE", "VIRTIO_NET"];

/** Rows that no program asks for: what the configuration wants is tried by test/kernels/attachments.test.ts. */
const configured = ["NET_9P_VIRTIO", "TMPFS_XATTR", "VIRTIO_BLK"];

/** What comes along: the rest of the row, and what Kconfig makes a condition. */
const company: Readonly<Record<string, readonly string[]>> = {
  BSD_PROCESS_ACCT: ["MULTIUSER"],
  COREDUMP: ["ELF_CORE", ...processes],
  // musl's fcntl() has a case of its own for locks.
  DNOTIFY: ["FILE_LOCKING"],
  FANOTIFY: ["FANOTIFY_ACCESS_PERMISSIONS"],
  FUTEX: ["FUTEX_PI"],
  HIGH_RES_TIMERS: ["NO_HZ_IDLE"],
  INET: card,
  IPV6: ["INET", ...card],
  NAMESPACES: ["MULTIUSER", "PID_NS", "USER_NS", "UTS_NS"],
  NUMA: ["NR_CPUS", "SMP"],
  PACKET: card,
  POSIX_MQUEUE: ["NET"],
  PROC_PAGE_MONITOR: ["PROC_FS"],
  PROC_SYSCTL: ["PROC_FS"],
  RSEQ: ["MEMBARRIER"],
  SECCOMP: ["NET", "SECCOMP_FILTER"],
  SECURITY: ["MULTIUSER", "SYSFS"],
  SECURITY_LANDLOCK: ["MULTIUSER", "SECURITY", "SYSFS"],
  SMP: processes,
  SWAP: ["BLOCK"],
  TASK_IO_ACCOUNTING: ["MULTIUSER", "NET", "PROC_FS", "TASKSTATS", "TASK_XACCT"],
  TMPFS: ["SHMEM"],
  UNIX: ["NET"],
  UNIX98_PTYS: ["DEVTMPFS"],
  X86_VSYSCALL_EMULATION: processes,
  VIRTIO_NET: ["INET", "SYSFS", ...card],
};

async function select(name: string, flags: readonly string[]): Promise<readonly string[]> {
  const program = join(scratch, name);
  execFileSync("musl-gcc", ["-static", "-O2", ...flags, source, "-o", program]);
  const uses = { programs: [await inspect({ path: program, mode: "precise" })], others: [] };
  return selectOptions(await readNeeds(), uses).map(({ option }) => option);
}

const probed = [...readFileSync(source, "utf8").matchAll(/\bPROBE\((\w+)\)$|\bPROBE\((\w+)\) \{/gm)].map(
  ([, alone, onLine]) => alone ?? onLine ?? "",
);

test.each(probed)("%s", async (option) => {
  const expected = new Set(["BINFMT_ELF", option, ...(company[option] ?? [])]);
  expect(await select(option, [`-DONLY=${option}`])).toEqual([...expected].sort());
});

test("a program that uses them all gets all that programs can ask for", async () => {
  const table = await readNeeds();
  const needs = table.needs.filter(({ options: [first = ""] }) => !configured.includes(first));
  const others = new Set([
    ...[...configured, "9P_FS", "BLK_DEV", "NETWORK_FILESYSTEMS", "NET_9P"],
    ...["EXT4_FS", "EXT4_FS_POSIX_ACL", "EXT4_FS_SECURITY", "TMPFS_POSIX_ACL"],
  ]);
  const requires = table.requires.filter(({ option }) => !others.has(option));
  expect(await select("all", [])).toEqual([...tableOptions({ ...table, needs, requires }).keys()]);
});

test("each row of the table is used by a probe", async () => {
  const { needs } = await readNeeds();
  const firsts = needs.map(({ options: [first = ""] }) => splitOption(first)[0]);
  // Without BINFMT_ELF no program runs at all.
  expect(new Set(firsts)).toEqual(new Set([...probed, ...configured, "BINFMT_ELF"]));
});
