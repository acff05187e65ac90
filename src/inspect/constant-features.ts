// SPDX-License-Identifier: MIT
/**
 * Features that only the arguments of a system call tell: clone(2) makes threads or processes, mmap(2) maps
 * code or data. A feature is claimed where live code passes a constant that shows it.
 */
import { argumentAt, type Passed, type PassedValue, passedTo, placeOf, wordBehind } from "./arguments.js";
import type { Explain } from "./evidence.js";
import type { Explored } from "./explore.js";
import type { Reach } from "./reach.js";
import type { Inspection } from "./schema.js";
import type { Effort, ResolvedSite } from "./sites.js";
import { syscallNumber } from "./syscall-names.js";

type Feature = Inspection["features"][number];
type Family = Inspection["socketFamilies"][number];

/** Arguments are set in front of a call, or passed on by a small function: longer ones are not worth the time. */
const littleEffort: Effort = { longestBytes: 1024, throughData: false, throughPointers: false };

/** linux/sched.h */
const CLONE_VM = 0x100;
const CLONE_VFORK = 0x4000;
const CLONE_THREAD = 0x10000;
/** asm-generic/mman-common.h */
const PROT_EXEC = 4;
const everyProtection = 7;
/** linux/net.h; the bits above are flags. */
const SOCK_RAW = 3;
const socketTypeMask = 0xf;
const AF_NETLINK = 16;
const AF_PACKET = 17;

/** Part of a call that only an argument tells. */
interface ArgumentFeature {
  readonly name: string;
  /** The feature where the argument stays unknown. */
  readonly nameOfUnknown: string;
  readonly calls: readonly (readonly [call: string, position: 0 | 1 | 2])[];
  readonly shows: (value: number) => boolean;
}

/** linux/fcntl.h: F_GETLK to F_SETLKW, F_OFD_GETLK to F_OFD_SETLKW, F_SETLEASE, F_GETLEASE. */
const lockCommands = new Set([5, 6, 7, 36, 37, 38, 1024, 1025]);
const F_NOTIFY = 1026;
/** linux/time.h: what is not a clock of the machine, but of a process or thread, or for alarms. */
const machineClocks = new Set([0, 1, 4, 5, 6, 7]);
/** linux/prctl.h: PR_GET_SECCOMP, PR_SET_SECCOMP. */
const seccompOperations = new Set([21, 22]);
/** asm-generic/resource.h */
const RLIMIT_CORE = 4;

const argumentFeatures: readonly ArgumentFeature[] = [
  {
    name: "file locks",
    nameOfUnknown: "fcntl by computed command",
    calls: [["fcntl", 1]],
    shows: (value) => lockCommands.has(value),
  },
  {
    name: "directory notifications",
    nameOfUnknown: "fcntl by computed command",
    calls: [["fcntl", 1]],
    shows: (value) => value === F_NOTIFY,
  },
  {
    name: "clocks of processes and threads",
    nameOfUnknown: "clocks by computed number",
    calls: [
      ["clock_gettime", 0],
      ["clock_getres", 0],
      ["clock_nanosleep", 0],
    ],
    shows: (value) => !machineClocks.has(value),
  },
  {
    name: "core dumps",
    nameOfUnknown: "limits by computed number",
    calls: [
      ["prlimit64", 1],
      ["setrlimit", 0],
    ],
    shows: (value) => value === RLIMIT_CORE,
  },
  {
    name: "seccomp",
    nameOfUnknown: "prctl by computed operation",
    calls: [["prctl", 0]],
    shows: (value) => seccompOperations.has(value),
  },
];

/** linux/socket.h: those that a program may ask for. */
const families: ReadonlyMap<number, string> = new Map([
  [1, "AF_UNIX"],
  [2, "AF_INET"],
  [3, "AF_AX25"],
  [4, "AF_IPX"],
  [5, "AF_APPLETALK"],
  [10, "AF_INET6"],
  [15, "AF_KEY"],
  [AF_NETLINK, "AF_NETLINK"],
  [AF_PACKET, "AF_PACKET"],
  [21, "AF_RDS"],
  [29, "AF_CAN"],
  [30, "AF_TIPC"],
  [31, "AF_BLUETOOTH"],
  [38, "AF_ALG"],
  [40, "AF_VSOCK"],
  [44, "AF_XDP"],
]);

export interface ConstantFeatures {
  readonly features: readonly Feature[];
  readonly socketFamilies: readonly Family[];
}

export function describeConstants(
  sites: readonly ResolvedSite[],
  { search, reaches }: Explored,
  explain: Explain,
): ConstantFeatures {
  const quick = search.within(littleEffort);
  const ask = (call: string, read: ReturnType<typeof argumentAt>): Passed => {
    const { values, open } = passedTo(sites, quick, syscallNumber(call) ?? -1, read);
    // What runs before main is the loader's and libc's own affair.
    return {
      values: values.filter(({ decider }) => !reaches.startup.has(decider) || reaches.main.has(decider)),
      open,
    };
  };
  const show = (name: string, call: string, shown: PassedValue | undefined): readonly Feature[] =>
    shown === undefined
      ? []
      : [{ name, evidence: `${call}: ${explain(shown.decider)} at 0x${shown.at.toString(16)}` }];

  const flags = [...ask("clone", argumentAt(0)).values, ...ask("clone3", wordBehind(0)).values];
  const protections = ["mmap", "mprotect", "pkey_mprotect"].flatMap(
    (call) => ask(call, argumentAt(2)).values,
  );
  const asked = ask("socket", argumentAt(0));
  const types = ask("socket", argumentAt(1)).values;
  const domains = [...asked.values, ...ask("socketpair", argumentAt(0)).values];
  return {
    features: [
      ...show(
        "threads",
        "clone",
        flags.find(({ value }) => (value & CLONE_THREAD) !== 0),
      ),
      ...show(
        "fork",
        "clone",
        flags.find(({ value }) => (value & (CLONE_VM | CLONE_VFORK)) === 0),
      ),
      ...show(
        "vfork",
        "clone",
        flags.find(({ value }) => (value & CLONE_VFORK) !== 0),
      ),
      ...show("JIT pages", "mmap or mprotect", findCodePages(protections, reaches.startup)),
      ...show("raw sockets", "socket", findRawSocket(domains, types)),
      ...show("sockets by computed family", "socket", openEnd(asked)),
      ...argumentFeatures.flatMap(({ name, nameOfUnknown, calls, shows }) =>
        calls.flatMap(([call, position]) => {
          const passed = ask(call, argumentAt(position));
          const shown = passed.values.find(({ value }) => shows(value));
          return [...show(name, call, shown), ...show(nameOfUnknown, call, openEnd(passed))];
        }),
      ),
    ],
    socketFamilies: describeFamilies(domains, explain),
  };
}

function openEnd({ open: [first] }: Passed): PassedValue | undefined {
  return first && { value: 0, ...first };
}

/**
 * Pages that are executable, asked for outside of libc, which makes stacks executable for old programs. In a
 * program that has libc in it that looks like all protections at once, in code that start-up leads to.
 */
function findCodePages(passed: readonly PassedValue[], startup: Reach): PassedValue | undefined {
  // More bits are set for a stack, that it grows down.
  const isCode = ({ value }: PassedValue) => value <= everyProtection && (value & PROT_EXEC) !== 0;
  const data = new Set(passed.filter((each) => !isCode(each)).map(placeOf));
  return passed.filter(isCode).find((each) => {
    const { name, file } = each.decider.module;
    if (/^(libc|ld-linux|ld-musl)[.-]/.test(name)) return false;
    if (file.interpreter !== undefined || file.linkage === "shared-library") return true;
    const isStack = each.value === everyProtection && startup.has(each.decider);
    return !isStack && !data.has(placeOf(each));
  });
}

/** AF_NETLINK has SOCK_RAW as its usual type. */
function findRawSocket(
  domains: readonly PassedValue[],
  types: readonly PassedValue[],
): PassedValue | undefined {
  const netlink = new Set(domains.filter(({ value }) => value === AF_NETLINK).map(placeOf));
  const packet = domains.find(({ value }) => value === AF_PACKET);
  return (
    packet ?? types.find((each) => (each.value & socketTypeMask) === SOCK_RAW && !netlink.has(placeOf(each)))
  );
}

function describeFamilies(domains: readonly PassedValue[], explain: Explain): readonly Family[] {
  const found = new Map<string, Family>();
  for (const { value, decider, at } of domains) {
    const name = families.get(value);
    if (name === undefined || found.has(name)) continue;
    found.set(name, { name, evidence: `${explain(decider)} at 0x${at.toString(16)}` });
  }
  return [...found.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}
