// SPDX-License-Identifier: MIT
/** Fills the holes of syscall-stubs/x86_64/dispatch.c: the dispatch of one image, with a comment for each call. */
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
    "read write open close ioctl pause fork execve wait4 setsid socket mkdir mount umount2 kill sync ioperm " +
    "reboot chdir setgroups setgid setuid exit"
  ).split(" "),
);
const executing = new Set(["execve", "execveat"]);

const longestReason = 160;

export function renderDispatch(
  template: string,
  table: readonly TableEntry[],
  decisions: ReadonlyMap<string, Decision>,
): string {
  const entries = table.map((entry) => {
    const decision = decisions.get(entry.name) ?? {
      answer: "kernel",
      reason: "the table of this kernel alone has it",
    };
    return { ...entry, ...decision, isFirst: firstProcessCalls.has(entry.name) };
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
    if (lines === undefined) throw bug(`the dispatch has an unknown hole ${hole}`, "nothing fills it");
    return lines.join("\n");
  });
}
