// SPDX-License-Identifier: MIT
/**
 * One line of what `strace -f -n -y` writes:
 *
 *     PID [NUMBER] NAME(ARGUMENTS) = RESULT
 *     PID [NUMBER] NAME(ARGUMENTS <unfinished ...>        PID [NUMBER] <... NAME resumed>REST) = RESULT
 *     PID [NUMBER] +++ exited with STATUS +++             and killed by SIGNAL, superseded by execve in pid PID
 *
 * Everything else (signals, what a truncated file ends with) says nothing about calls and is passed over.
 */
import { resolve } from "node:path";
import { ia32SyscallName, syscallName } from "./syscall-names.js";

export type Abi = "x86-64" | "i386";

interface LineOf<Event extends string> {
  readonly pid: string;
  readonly event: Event;
}

export interface CallLine extends LineOf<"call" | "resumed"> {
  readonly name: string;
  readonly abi: Abi;
  /** From behind the opening parenthesis, or behind `resumed>`, to the end of the line. */
  readonly text: string;
  /** When it is a decimal number. */
  readonly result: number | undefined;
}

export interface EndLine extends LineOf<"ended"> {
  readonly end: { readonly exitStatus: number } | { readonly signal: string };
}

export interface SupersededLine extends LineOf<"superseded"> {
  /** The thread that has executed a file, and goes by `pid` from now on. */
  readonly by: string;
}

export type TraceLine = CallLine | EndLine | SupersededLine;

export function readTraceLine(line: string): TraceLine | undefined {
  const [, pid, number, rest] = /^(\d{1,10}) +(?:\[ *(\d+)\] )?(.*)$/.exec(line) ?? [];
  if (pid === undefined || rest === undefined) return undefined;
  if (rest.startsWith("+++ ")) return readEnd(pid, rest);
  const resumed = /^<\.\.\. (\w+) resumed>/.exec(rest);
  const called = resumed ?? /^(\w+)\(/.exec(rest);
  const call = called === null ? undefined : identifyCall(Number(number), called[1] ?? "");
  if (called === null || call === undefined) return undefined;
  const event = resumed === null ? "call" : "resumed";
  return { pid, event, ...call, text: rest.slice(called[0].length), result: readResult(rest) };
}

/**
 * The number is of the 64-bit table where both agree on the name, and of the 32-bit one that `int $0x80` enters where
 * that does. An older strace has no name for a newer call. A number without a name is no call to any kernel.
 */
function identifyCall(number: number, shown: string): { name: string; abi: Abi } | undefined {
  const name = syscallName(number);
  if (name !== undefined && (name === shown || shown.startsWith("syscall_0x")))
    return { name, abi: "x86-64" };
  return ia32SyscallName(number) === shown ? { name: shown, abi: "i386" } : undefined;
}

function readResult(rest: string): number | undefined {
  const digits = /^\) += (-?\d{1,15})(?: |$)/.exec(
    rest.slice(rest.lastIndexOf(")", rest.lastIndexOf(" = "))),
  )?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function readEnd(pid: string, rest: string): TraceLine | undefined {
  const [, status, signal, by] =
    /^\+\+\+ (?:exited with (\d{1,3})|killed by (SIG\w+)(?: \(core dumped\))?|superseded by execve in pid (\d+)) \+\+\+$/.exec(
      rest,
    ) ?? [];
  if (status !== undefined) return { pid, event: "ended", end: { exitStatus: Number(status) } };
  if (signal !== undefined) return { pid, event: "ended", end: { signal } };
  return by === undefined ? undefined : { pid, event: "superseded", by };
}

/** The file that an execve or execveat is about, from the line that the call begins with. */
export function executedPath({ name, text }: CallLine): string | undefined {
  if (name !== "execve" && name !== "execveat") return undefined;
  const [, directory = "", path = ""] =
    /^(?:[^"<,]*(?:<((?:[^\\>]|\\.)*)>)?, )?"((?:[^"\\]|\\.)*)"/.exec(text) ?? [];
  return directory === "" ? unquote(path) : resolve(unquote(directory), unquote(path));
}

/** The file that a call maps as code, if it is such a call. */
export function mappedCode({ name, text, result }: CallLine): string | undefined {
  if (!/^mmap2?$/.test(name) || result === -1) return undefined;
  const [, protection = "", path] =
    /^[^,]*, [^,]*, ([^,]*), [^,]*, \d+<(\/(?:[^\\>]|\\.)*)>/.exec(text) ?? [];
  return path === undefined || !protection.includes("PROT_EXEC") ? undefined : unquote(path);
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", v: "\v", f: "\f" };

/** strace shows the bytes of a path as a C string would. */
export function unquote(text: string): string {
  const bytes = text.replace(/\\(?:([0-7]{1,3})|(.))/g, (_, octal?: string, character = "") =>
    octal === undefined
      ? (escapes[character] ?? character)
      : String.fromCharCode(Number.parseInt(octal, 8) & 0xff),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}
