// SPDX-License-Identifier: MIT
/** Which files a program and what it starts open or execute, as strace sees it. */
import { join } from "node:path";
import { UklError } from "../errors.js";
import { readLines, withScratchDirectory, writeOutput } from "../host/files.js";
import { runTracer } from "../host/foreground.js";
import { unquote } from "./trace-line.js";

export interface OpenedFile {
  readonly path: string;
  /** The file that the first process to open it was executing. */
  readonly by: string;
}

export interface TracedRun {
  readonly program: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

const lineLimit = 1 << 16;
const fileLimit = 1 << 14;
const tracedCalls = "trace=open,openat,openat2,execve,execveat";

/** Its output goes to stderr. Sorted by path. Throws UKL-701 and UKL-401. */
export async function traceOpenedFiles({
  program,
  argv,
  environment,
}: TracedRun): Promise<readonly OpenedFile[]> {
  return withScratchDirectory(async (directory) => {
    const traceFile = join(directory, "trace");
    await writeOutput(traceFile, "");
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const options = ["-f", "-q", "-y", "-s", "0", "-e", tracedCalls, "-e", "signal=none", "-o", traceFile];
    // env has strace on our PATH, and strace gives the program what env leaves of the environment.
    const tracer = ["-i", `PATH=${process.env["PATH"] ?? ""}`, "strace", ...options];
    const traced = ["env", "-i", ...variables, `--argv0=${argv[0] ?? program}`, program, ...argv.slice(1)];
    await runTracer({ tool: "env", args: [...tracer, ...traced] }, { stdout: "stderr" });
    const reader = new OpenedFilesReader(program);
    for await (const line of readLines(traceFile, lineLimit)) reader.read(line);
    return reader.opened();
  });
}

export class OpenedFilesReader {
  readonly #program: string;
  readonly #opened = new Map<string, string>();
  /** What each process executes. */
  readonly #programs = new Map<string, string>();
  /** The beginning of a call that waits. */
  readonly #begun = new Map<string, string>();
  #started = false;

  /** What is opened before this is executed is not the program's. */
  constructor(program: string) {
    this.#program = program;
  }

  read(line: string): void {
    const [, pid, rest] = /^(\d{1,10}) +(.*)$/.exec(line) ?? [];
    if (pid === undefined || rest === undefined) return;
    const unfinished = /^(\w+\(.*) <unfinished \.\.\.>$/.exec(rest)?.[1];
    if (unfinished !== undefined) return void this.#begun.set(pid, unfinished);
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
    const call = resumed === undefined ? rest : `${this.#begun.get(pid) ?? ""}${resumed}`;
    this.#begun.delete(pid);
    if (/^execve(?:at)?\(/.test(call)) this.#execute(pid, call);
    else if (this.#started) this.#open(pid, call);
  }

  opened(): readonly OpenedFile[] {
    if (!this.#started) {
      throw new UklError("UKL-701", {
        what: `${this.#program} cannot be traced`,
        cause: "strace could not start it, and has said why",
        fix: "run it by hand first",
      });
    }
    return [...this.#opened]
      .map(([path, by]) => ({ path, by }))
      .sort((left, right) => (left.path < right.path ? -1 : 1));
  }

  #execute(pid: string, call: string): void {
    if (!call.endsWith(" = 0")) return;
    const quoted = /^\w+\((?:[^"<,]*(?:<(?:[^\\>]|\\.)*>)?, )?"((?:[^"\\]|\\.)*)"/.exec(call)?.[1];
    if (quoted === undefined) return;
    const path = unquote(quoted);
    this.#started ||= path === this.#program;
    if (this.#started && path.startsWith("/")) this.#note(path, this.#programOf(pid));
    this.#programs.set(pid, path);
  }

  #open(pid: string, call: string): void {
    const [, argumentsOf = "", quoted = ""] =
      /^open(?:at2?)?\((.*)\) = \d+<(\/(?:[^\\>]|\\.)*)>(?:\(deleted\))?$/.exec(call) ?? [];
    // What is made or emptied need not be there before.
    if (quoted === "" || /\bO_(?:CREAT|TRUNC|DIRECTORY|TMPFILE)\b/.test(argumentsOf)) return;
    this.#note(unquote(quoted), this.#programOf(pid));
  }

  #note(path: string, by: string): void {
    if (!this.#opened.has(path) && this.#opened.size < fileLimit) this.#opened.set(path, by);
  }

  #programOf(pid: string): string {
    return this.#programs.get(pid) ?? this.#program;
  }
}
