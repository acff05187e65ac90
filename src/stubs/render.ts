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

/** What sites can call: each number has a slot, each place of a number on the stack, and there is one for all. */
export interface CallTable {
  readonly text: string;
  readonly slotOf: (site: {
    readonly number?: number | undefined;
    readonly wordAt?: number | undefined;
  }) => bigint;
  /** The calls of these numbers that are shortcuts. */
  readonly shortcuts: readonly string[];
}

export interface CallRequest {
  readonly table: readonly TableEntry[];
  readonly decisions: ReadonlyMap<string, Decision>;
  /** Those that sites ask for. */
  readonly numbers: ReadonlySet<number>;
  /** How far above RSP others have theirs. */
  readonly words: ReadonlySet<number>;
  readonly takesShortcuts: boolean;
}

/** Fills the holes of syscall-stubs/x86_64/calls.S. */
export function renderCalls(template: string, request: CallRequest): CallTable {
  const { numbers, words, takesShortcuts } = request;
  const known = new Map(request.table.map((entry) => [entry.number, entry]));
  const choices = takesShortcuts ? choicesOf(request) : [];
  const shortcuts = new Set(choices.map(({ name }) => name));
  const stubs = ascending(numbers).map((number) => {
    const { name = "", entryPoint } = known.get(number) ?? {};
    if (entryPoint === undefined || isAnswered(request, name) || executing.has(name))
      return `\tcall_any ${number}`;
    if (numberCalls.has(name)) return `\ttell_number ${number}, ukl_${name}`;
    if (!takesShortcuts || !shortcutCalls.has(name)) return `\tcall_function ${number}, __x64_${entryPoint}`;
    shortcuts.add(name);
    return `\tcall_function ${number}, ukl_${name}`;
  });
  const slots = [
    ...ascending(numbers).map((number) => `${number}`),
    ...ascending(words).map((at) => `word_${at}`),
  ];
  const text = fill(template, {
    SLOTS: slots.map((name) => `\tslot ${name}`),
    CHOICES: choices.map(({ number, name }) => `\tchoose ${number}, ukl_${name}`),
    STUBS: [...stubs, ...ascending(words).map((at) => `\tcall_word ${at}`)],
  });
  const places = new Map(slots.map((name, index) => [name, firstCallSlot + slotBytes * BigInt(index + 1)]));
  const slotOf: CallTable["slotOf"] = ({ number, wordAt }) =>
    places.get(wordAt === undefined ? `${number}` : `word_${wordAt}`) ?? firstCallSlot;
  return { text, shortcuts: [...shortcuts], slotOf };
}

/** The shortcuts that a site can take whose number shows when it runs: they are compared in this order. */
function choicesOf(request: CallRequest): readonly TableEntry[] {
  const byName = new Map(request.table.map((entry) => [entry.name, entry]));
  return [...shortcutCalls].flatMap((name) => {
    const entry = byName.get(name);
    return entry?.entryPoint === undefined || isAnswered(request, name) ? [] : [entry];
  });
}

/** Whether the image answers the call, and not its kernel. */
function isAnswered({ decisions }: CallRequest, name: string): boolean {
  return (decisions.get(name)?.answer ?? "kernel") !== "kernel";
}

function ascending(numbers: Iterable<number>): readonly number[] {
  return [...numbers].sort((left, right) => left - right);
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
