// SPDX-License-Identifier: MIT
/** Fills the holes of syscall-stubs/x86_64: the dispatch of one image, and what its bound sites call. */
import { bug } from "../errors.js";
import type { TableEntry } from "./table.js";

/** What is to become of a call. */
export interface Decision {
  readonly answer: "kernel" | "enosys" | "eperm" | "success" | "log" | "kill";
  readonly reason: string;
}

const answers = {
  enosys: "ANSWER_ENOSYS",
  eperm: "ANSWER_EPERM",
  success: "ANSWER_SUCCESS",
  log: "ANSWER_LOG",
  kill: "ANSWER_KILL",
} as const;

/** What init calls, in itself and in the child that becomes the application; a test compares. */
export const firstProcessCalls: ReadonlySet<string> = new Set(
  (
    "read write open close ioctl rt_sigaction rt_sigreturn pause fork execve wait4 kill setsid socket mkdir mount " +
    "umount2 sync ioperm reboot chdir setgroups setgid setuid exit dup2 fchown mmap sethostname prlimit64 symlink"
  ).split(" "),
);
/** What it calls beside in an image whose files have extended attributes. */
export const attributeCalls: readonly string[] = ["lsetxattr"];
const executing = new Set(["execve", "execveat"]);

const longestReason = 160;

export function renderDispatch(
  template: string,
  table: readonly TableEntry[],
  decisions: ReadonlyMap<string, Decision>,
  furtherCalls: readonly string[] = [],
): string {
  const first = new Set([...firstProcessCalls, ...furtherCalls]);
  const entries = table.map((entry) => {
    const decision = decisions.get(entry.name) ?? {
      answer: "kernel",
      reason: "the table of this kernel alone has it",
    };
    return { ...entry, ...decision, isFirst: first.has(entry.name) };
  });
  const called = entries.filter(
    ({ entryPoint, answer, isFirst }) => entryPoint !== undefined && (answer === "kernel" || isFirst),
  );
  const declared = [...new Set(called.map(({ entryPoint }) => entryPoint))];
  return fill(template, {
    DECLARATIONS: declared.map((name) => `long __x64_${name}(const struct pt_regs *regs);`),
    MASKS: entries.flatMap(({ number, name, answer, reason }) =>
      answer === "kernel"
        ? []
        : [`\t/* masked: ${comment(reason)} */`, `\t[${number}] = { "${name}", ${answers[answer]} },`],
    ),
    CASES: called.flatMap((entry) => [
      entry.answer === "kernel"
        ? `\t/* ${entry.name}: ${comment(entry.reason)} */`
        : `\t/* ${entry.name}: the first process needs it, the application does not */`,
      `\tcase ${entry.number}:`,
      `\t\treturn ${passOn(entry)};`,
    ]),
  });
}

/** Where the kernel maps the table of calls.S, and the first slot: that for any number, which RAX holds. */
const firstCallSlot = 0xffffffffff7fc020n;
const slotBytes = 8n;

/** Calls that tell a number of the caller's, which the kernel also has as functions without a frame (kernel/patches). */
const numberCalls = new Set("getpid gettid getppid getuid geteuid getgid getegid".split(" "));

/** Calls that the kernel has shortcuts of (kernel/patches). */
export const shortcutCalls: ReadonlySet<string> = new Set(
  "read write recvfrom sendto epoll_wait epoll_pwait futex clock_gettime".split(" "),
);

/** What sites can call: each number has a slot, and there is one for all. */
export interface CallTable {
  readonly text: string;
  readonly slotOf: (number: number | undefined) => bigint;
  /** The calls of these numbers that are shortcuts. */
  readonly shortcuts: readonly string[];
}

export interface CallRequest {
  readonly table: readonly TableEntry[];
  readonly decisions: ReadonlyMap<string, Decision>;
  /** Those that sites ask for. */
  readonly numbers: ReadonlySet<number>;
  readonly takesShortcuts: boolean;
}

/** Fills the holes of syscall-stubs/x86_64/calls.S. */
export function renderCalls(template: string, request: CallRequest): CallTable {
  const { table, decisions, numbers, takesShortcuts } = request;
  const sorted = [...numbers].sort((left, right) => left - right);
  const known = new Map(table.map((entry) => [entry.number, entry]));
  const shortcuts: string[] = [];
  const stubs = sorted.map((number) => {
    const { name = "", entryPoint } = known.get(number) ?? {};
    const isAnswered = (decisions.get(name)?.answer ?? "kernel") !== "kernel";
    if (entryPoint === undefined || isAnswered || executing.has(name)) return `\tcall_any ${number}`;
    if (numberCalls.has(name)) return `\ttell_number ${number}, ukl_${name}`;
    if (!takesShortcuts || !shortcutCalls.has(name)) return `\tcall_function ${number}, __x64_${entryPoint}`;
    shortcuts.push(name);
    return `\tcall_function ${number}, ukl_${name}`;
  });
  const text = fill(template, { SLOTS: sorted.map((number) => `\tslot ${number}`), STUBS: stubs });
  const places = new Map(
    sorted.map((number, index) => [number, firstCallSlot + slotBytes * BigInt(index + 1)]),
  );
  return { text, shortcuts, slotOf: (number) => places.get(number ?? -1) ?? firstCallSlot };
}

function passOn({ number, name, entryPoint, answer }: TableEntry & Decision): string {
  const call = `__x64_${entryPoint}`;
  if (executing.has(name)) {
    const execute = `execute(regs, ${call})`;
    return answer === "kernel" ? execute : `is_masked() ? answer(regs, ${number}) : ${execute}`;
  }
  return answer === "kernel" ? `${call}(regs)` : `pass_first(regs, ${number}, ${call})`;
}

/** Names come from programs: nothing of them may end the comment. */
function comment(reason: string): string {
  const plain = reason
    .replaceAll(/[^\x20-\x7e→]/g, "?")
    .replaceAll("*/", "* /")
    .replaceAll("→", "->");
  return plain.length <= longestReason ? plain : `${plain.slice(0, longestReason)} ...`;
}

function fill(template: string, holes: Readonly<Record<string, readonly string[]>>): string {
  return template.replaceAll(/^@([A-Z_]+)@$/gm, (hole, name: string) => {
    const lines = holes[name];
    if (lines === undefined) throw bug(`the template has an unknown hole ${hole}`, "nothing fills it");
    return lines.join("\n");
  });
}
