// SPDX-License-Identifier: MIT
/**
 * The door to other programs, and the only importer of execa.
 *
 * A command is data, so that a dry run, a log and a test look at the same value that is executed.
 */
import { execa } from "execa";
import { UklError } from "../errors.js";
import { notStarted } from "./not-started.js";

export interface Command {
  readonly tool: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Added to the environment. The locale is always C, so that tool output can be parsed. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Called with each line the tool prints, stdout and stderr alike. */
  readonly onLine?: (line: string) => void;
}

export interface Outcome {
  readonly exitStatus: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What tools print in the C locale for ENOSPC and EDQUOT. */
const fullDisk = /^.*(?:No space left on device|Disk quota exceeded).*$/m;

/**
 * Runs a command to its end and returns what it printed, whatever its exit status.
 * Throws UKL-401, UKL-405, UKL-408, and UKL-402 where it failed for want of space.
 */
export async function attempt(command: Command, options: RunOptions = {}): Promise<Outcome> {
  const child = execa(command.tool, command.args, {
    reject: false,
    all: true,
    extendEnv: true,
    env: { LC_ALL: "C", ...command.env },
    stripFinalNewline: false,
    forceKillAfterDelay: 2000,
    stdin: options.input === undefined ? "ignore" : "pipe",
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  const lines = options.onLine === undefined ? undefined : forEachLine(child, options.onLine);
  const result = await child;
  await lines;
  if (result.exitCode === undefined && result.signal === undefined && !result.isCanceled && !result.timedOut)
    throw notStarted(command, result.code);
  if (result.timedOut) throw timedOut(command, options.timeoutMs ?? 0);
  const outcome = {
    exitStatus: result.exitCode ?? 128,
    stdout: String(result.stdout),
    stderr: String(result.stderr),
  };
  const complaint = fullDisk.exec(outcome.stderr)?.[0];
  if (outcome.exitStatus !== 0 && complaint !== undefined) throw diskFull(command, complaint);
  return outcome;
}

async function forEachLine(
  child: { iterable(options: { from: "all" }): AsyncIterable<unknown> },
  onLine: (line: string) => void,
): Promise<void> {
  for await (const line of child.iterable({ from: "all" })) onLine(String(line));
}

/** Runs a command that has to succeed. A failure is UKL-404 unless the caller tells more with `explain`. */
export async function run(
  command: Command,
  options: RunOptions & { readonly explain?: (outcome: Outcome) => UklError } = {},
): Promise<Outcome> {
  const outcome = await attempt(command, options);
  if (outcome.exitStatus === 0) return outcome;
  throw options.explain?.(outcome) ?? toolFailed(command, outcome);
}

/** A command as a user could paste it into a shell. */
export function formatCommand(command: Command): string {
  const environment = Object.entries(command.env ?? {}).map(([name, value]) => `${name}=${quote(value)}`);
  const line = [...environment, quote(command.tool), ...command.args.map(quote)].join(" ");
  return command.cwd === undefined ? line : `(cd ${quote(command.cwd)} && ${line})`;
}

/** The last lines of a tool's complaint: the part a person needs. */
export function lastLines(text: string, count = 12): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}

/** A word as a shell reads it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function diskFull(command: Command, complaint: string): UklError {
  return new UklError("UKL-402", {
    what: `${command.tool} has no space left for its files`,
    cause: complaint,
    fix: "free some space, or set XDG_CACHE_HOME and TMPDIR to directories elsewhere",
  });
}

function timedOut(command: Command, timeoutMs: number): UklError {
  return new UklError("UKL-405", {
    what: `${command.tool} did not finish within ${timeoutMs} ms`,
    cause: formatCommand(command),
    fix: "look whether the machine is overloaded, then try again",
  });
}

function toolFailed(command: Command, outcome: Outcome): UklError {
  return new UklError("UKL-404", {
    what: `${command.tool} failed with exit status ${outcome.exitStatus}`,
    cause: lastLines(outcome.stderr || outcome.stdout) || "it printed nothing",
    fix: `run it by hand to see more: ${formatCommand(command)}`,
  });
}
