// SPDX-License-Identifier: MIT
/** What a service manager or a container's runtime gives a program: a host name, limits, settings of the kernel. */
import { type Limit, limitNumbers } from "../machine-options.js";
import type { RootFile } from "./root.js";
import { stringsOf } from "./strings.js";

export interface Machine {
  readonly hostname: string;
  /** By the names of `limitNumbers`. */
  readonly limits: Readonly<Record<string, Limit>>;
  /** Files of /proc/sys with what is written to them, where the kernel has them. */
  readonly settings: Readonly<Record<string, string>>;
}

const infinity = String(2n ** 64n - 1n);

/**
 * As systemd starts a service of Debian: its DefaultLimitNOFILE. Of processes as many as there is memory for, as Docker
 * has it: the kernel's own limit is for a system with many users.
 */
export const standardLimits: Machine["limits"] = {
  nofile: { soft: "1024", hard: "524288" },
  nproc: { soft: "unlimited", hard: "unlimited" },
  sigpending: { soft: "unlimited", hard: "unlimited" },
};

/** With sockets, as in a container of Docker: whoever the program runs as, it gets ports below 1024, and may ping. */
export const socketSettings: Machine["settings"] = {
  "/proc/sys/net/ipv4/ip_unprivileged_port_start": "0",
  "/proc/sys/net/ipv4/ping_group_range": "0 2147483647",
};

/** The kernel counts an eighth of the memory's pages by the size of a thread's stack, and threads need less. */
export const processSettings: Machine["settings"] = { "/proc/sys/kernel/threads-max": "32768" };

/** What the kernel takes for a name of a host (HOST_NAME_MAX), of one that may have other characters. */
export function hostnameOf(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9.-]/g, "-").slice(0, 64);
}

/** The file that init reads (syscall-stubs/x86_64/init/machine.c). */
export function machineFile({ hostname, limits, settings }: Machine): RootFile {
  const entries = [
    ["hostname", hostname, ""],
    ...Object.entries(settings).map(([path, value]) => ["setting", path, value]),
    ...Object.entries(limits).map(([name, { soft, hard }]) => {
      const [least, most] = [soft, hard].map((value) => (value === "unlimited" ? infinity : value));
      return ["limit", String(limitNumbers[name]), `${least} ${most}`];
    }),
  ];
  return { path: "/ukl/machine", permissions: 0o644, data: stringsOf(entries.flat()) };
}

/** How a machine knows itself where it has no address of its own, as Debian's installer writes it. */
export function nameFiles(hostname: string): readonly RootFile[] {
  const hosts = `127.0.0.1 localhost\n127.0.1.1 ${hostname}\n::1 localhost ip6-localhost ip6-loopback\n`;
  return [
    { path: "/etc/hostname", permissions: 0o644, data: Buffer.from(`${hostname}\n`) },
    { path: "/etc/hosts", permissions: 0o644, data: Buffer.from(hosts) },
  ];
}
