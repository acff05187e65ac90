// SPDX-License-Identifier: MIT
/** What an image has around its program: how much of a Debian system, and what the machine is called and limited to. */
import type { ResolvedConfiguration } from "./config/schema.js";
import type { ImageContents } from "./contents.js";
import { parseLimit } from "./machine-options.js";
import type { Manifest } from "./manifest.js";
import {
  hostnameOf,
  type Machine,
  machineFile,
  nameFiles,
  processSettings,
  socketSettings,
  standardLimits,
} from "./rootfs/machine.js";
import type { RootFile } from "./rootfs/root.js";
import type { Surroundings } from "./rootfs/skeleton.js";

/** What a C library does for a program that computes and prints. Whoever makes other calls may see the directories. */
const plainCalls = new Set(
  `access arch_prctl alarm brk clock_getres clock_gettime clock_nanosleep close exit exit_group fcntl fstat futex
  getcwd getdents64 getegid geteuid getgid getitimer getpid getppid getrandom getrusage gettid gettimeofday getuid
  ioctl kill lseek madvise mincore mmap mprotect mremap munmap nanosleep newfstatat open openat pause poll ppoll
  pread64 prlimit64 pwrite64 read readlink readv restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask
  rt_sigreturn rt_sigsuspend rt_sigtimedwait sched_get_priority_max sched_get_priority_min sched_getaffinity
  sched_getparam sched_getscheduler sched_setparam sched_setscheduler sched_yield set_robust_list set_tid_address
  setitimer sigaltstack sysinfo tgkill time times tkill write writev`.match(/\w+/g),
);
/** In the text of a program: directories that only some surroundings have. */
const seenDirectories = [
  "/run",
  "/var/l",
  "/var/c",
  "/var/s",
  "/home",
  "/root",
  "/mnt",
  "/opt",
  "/srv",
  "/etc/h",
];

type Seen = Pick<ImageContents, "target" | "linked" | "programs" | "files" | "tree" | "open">;

export function surroundingsOf(
  { target, linked, programs, files, tree, open }: Seen,
  { args, env, user, run }: ResolvedConfiguration,
): Surroundings {
  if (target?.isWhole) return "container";
  const [alone, ...others] = programs;
  const isPlain =
    alone?.complete === true &&
    open === undefined &&
    others.length + files.length + tree.files.size === 0 &&
    alone.syscalls.every(({ name }) => plainCalls.has(name));
  const texts = [...args, ...Object.values(env)];
  const namesNothing =
    user === undefined &&
    run.hostname === undefined &&
    Object.keys(run.ulimits).length === 0 &&
    !texts.some((text) => text.includes("/")) &&
    !seenDirectories.some((name) => Buffer.from(linked.application.bytes).includes(`${name}`));
  return isPlain && namesNothing ? "bare" : "debian";
}

/** Undefined for a program that would not notice. */
export function machineOf(
  surroundings: Surroundings,
  name: string,
  { programs, open }: Pick<ImageContents, "programs" | "open">,
  { run }: Pick<ResolvedConfiguration, "run">,
): Machine | undefined {
  if (surroundings === "bare") return undefined;
  const makes = (...calls: readonly string[]) =>
    open !== undefined ||
    programs.some(
      ({ complete, syscalls }) => !complete || syscalls.some((call) => calls.includes(call.name)),
    );
  return {
    hostname: run.hostname ?? hostnameOf(name),
    limits: { ...standardLimits, ...limitsOf(run.ulimits) },
    settings: {
      ...(makes("socket") ? socketSettings : {}),
      ...(makes("fork", "vfork", "clone", "clone3") ? processSettings : {}),
    },
  };
}

/** The files for it; what the image has of its own stays as it is, but in a container, where a runtime has its way. */
export function machineFiles(
  machine: Machine | undefined,
  surroundings: Surroundings,
  { files, tree }: Pick<ImageContents, "files" | "tree">,
): readonly RootFile[] {
  if (machine === undefined) return [];
  const given = new Set(files.map(({ path }) => path));
  const own = surroundings === "container" ? [] : [...tree.files.keys()];
  const isThere = new Set([...given, ...own]);
  return [machineFile(machine), ...nameFiles(machine.hostname).filter(({ path }) => !isThere.has(path))];
}

export interface MachineChange {
  readonly hostname?: string | undefined;
  readonly ulimits?: Readonly<Record<string, string>> | undefined;
  /** Of the host, over the image's own. */
  readonly settings?: Machine["settings"];
}

/** What a run changes of an image's machine; undefined where that is nothing. */
export function changedMachine(
  { name, machine }: Pick<Manifest, "name" | "machine">,
  { hostname, ulimits = {}, settings = {} }: MachineChange,
): Machine | undefined {
  const isChanged =
    (hostname !== undefined && hostname !== machine?.hostname) ||
    Object.keys(ulimits).length + Object.keys(settings).length > 0;
  if (!isChanged) return undefined;
  return {
    hostname: hostname ?? machine?.hostname ?? hostnameOf(name),
    limits: { ...(machine?.limits ?? standardLimits), ...limitsOf(ulimits) },
    settings: { ...machine?.settings, ...settings },
  };
}

function limitsOf(ulimits: Readonly<Record<string, string>>): Machine["limits"] {
  return Object.fromEntries(
    Object.entries(ulimits).flatMap(([name, text]) => {
      const limit = parseLimit(text);
      return limit === undefined ? [] : [[name, limit]];
    }),
  );
}
