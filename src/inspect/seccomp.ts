// SPDX-License-Identifier: MIT
/**
 * An inspection as a seccomp profile, in the form of the OCI runtime specification (config-linux.md, "Seccomp"),
 * which Docker, Podman and containerd read too: what is not on the list fails with ENOSYS.
 *
 * A container runtime loads the filter into itself before it executes the program, so its last steps are filtered
 * as well: `runtime` adds what they need. A profile cannot take that back after the exec.
 */
import type { Inspection } from "./schema.js";

export interface SeccompProfile {
  readonly defaultAction: "SCMP_ACT_ERRNO";
  readonly defaultErrnoRet: number;
  readonly architectures: readonly "SCMP_ARCH_X86_64"[];
  readonly syscalls: readonly { readonly names: readonly string[]; readonly action: "SCMP_ACT_ALLOW" }[];
}

export type ContainerRuntime = "runc";

/**
 * ENOSYS, as if the kernel were too old: C libraries then fall back (clone3 to clone, faccessat2 to faccessat, statx
 * to fstatat). The specification's default, EPERM, is taken for an answer, and the program fails.
 */
const errnoOfRefusedCall = 38;

/**
 * What runc does between loading the filter and the exec of the program. There is no official list; Docker's issue
 * 22252 and runc's issue 2097 collect experience. `noNewPrivileges` and `privileges` are what strace saw of that
 * stretch in runc 1.1.5, and agree with `Init` in its libcontainer/standard_init_linux.go; `safePaths` is read from the
 * sources of later ones. Together they are for runc 1.1.5 to 1.5.1, built without its tag libpathrs. Not covered,
 * because only a configuration that asks for them brings them: startContainer hooks and `linux.personality`.
 */
const neededByRunc = {
  /**
   * With no_new_privs the filter comes last: open the exec fifo, close every other descriptor, execute. Newer
   * releases look at /proc/thread-self first (newfstatat).
   */
  noNewPrivileges: "close epoll_ctl execve fstatfs futex getdents64 getpid newfstatat openat write",
  /**
   * Without it, loading needs CAP_SYS_ADMIN and so comes before the change of user, capabilities and directory, and
   * before the search for the program. fchown: the standard streams, when they belong to another user.
   */
  privileges:
    "capget capset chdir faccessat2 fchown fcntl fstat getcwd getppid prctl read setgid setgroups setuid",
  /**
   * From 1.2.8, 1.3.3 and 1.4.0 on it opens the exec fifo, and /proc/self/fd for the descriptors to close, through
   * github.com/cyphar/filepath-securejoin/pathrs-lite: in a mount of /proc of its own (fsopen, fsconfig, fsmount, else a
   * clone by open_tree), by openat2 or name by name, with the mount's number compared (statx, fstatfs). Mounts are made
   * before the filter, so move_mount and mount_setattr are not among them.
   */
  safePaths:
    "close_range faccessat faccessat2 fcntl fsconfig fsmount fsopen fstat fstatfs gettid newfstatat open_tree openat " +
    "openat2 readlinkat statx uname",
  /**
   * What its Go runtime and C library may do at any moment: grow or give back memory, start or park a thread, poll,
   * return from the signal that preempts a goroutine or send it, put RLIMIT_NOFILE back before the exec
   * (syscall.Exec), give up. Source: Go's runtime/sys_linux_amd64.s and os_linux.go.
   */
  goRuntime:
    "brk clone epoll_pwait exit_group gettid madvise mmap mprotect munmap nanosleep prlimit64 rt_sigprocmask " +
    "rt_sigreturn sched_yield sigaltstack tgkill",
};

const runtimeCalls: Readonly<Record<ContainerRuntime, readonly string[]>> = {
  runc: [...new Set(Object.values(neededByRunc).flatMap((names) => names.split(" ")))],
};

/**
 * Calls that the kernel has made again as restart_syscall, when a stop or a trace interrupted their waiting: those
 * that set a restart block (fs/select.c, kernel/time/, kernel/futex/waitwake.c). Filters see that call too.
 */
const restartedCalls = ["poll", "nanosleep", "clock_nanosleep", "futex"];

/** Two rules at most: the program's calls, then those that only the container runtime needs. */
export function seccompProfile(inspection: Inspection, runtime?: ContainerRuntime): SeccompProfile {
  const program = new Set(inspection.syscalls.map(({ name }) => name));
  if (restartedCalls.some((name) => program.has(name))) program.add("restart_syscall");
  const added = (runtime === undefined ? [] : runtimeCalls[runtime]).filter((name) => !program.has(name));
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: errnoOfRefusedCall,
    architectures: ["SCMP_ARCH_X86_64"],
    // The specification does not allow a rule without a name.
    syscalls: [[...program], added]
      .filter((names) => names.length > 0)
      .map((names) => ({ names: names.sort(), action: "SCMP_ACT_ALLOW" as const })),
  };
}
