// SPDX-License-Identifier: MIT
/**
 * The first line of a script, read as the kernel does (fs/binfmt_script.c), and what it comes to: the program that is
 * executed in the end, with the arguments that stand in front of the user's.
 */
import { join } from "node:path/posix";
import { UklError } from "../errors.js";
import { type FileView, isFileIn } from "../host/file-view.js";
import { readStart } from "../host/files.js";

/** As Debian's login(1) sets PATH for root. */
export const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** What of a file the kernel looks at: BINPRM_BUF_SIZE (include/uapi/linux/binfmts.h), without a terminator. */
const lineLimitBytes = 255;
/** A script may be the interpreter of a script, so often (exec_binprm() in fs/exec.c). */
const mostScripts = 5;

export interface InterpreterLine {
  readonly interpreter: string;
  /** All that follows, as one. */
  readonly argument?: string;
}

export interface Execution {
  /** The program, which is no script. */
  readonly path: string;
  /** From argv[0] on, in front of the user's arguments. */
  readonly argv: readonly string[];
  /** The scripts on the way. */
  readonly scripts: readonly string[];
}

/** What a file names, by its first bytes: undefined for what the kernel does not take for a script. */
export async function interpreterLineOf(path: string): Promise<InterpreterLine | undefined> {
  return parseInterpreterLine(await readStart(path, lineLimitBytes + 1));
}

function parseInterpreterLine(start: Uint8Array): InterpreterLine | undefined {
  const text = Buffer.from(start.subarray(0, lineLimitBytes + 1)).toString("latin1");
  if (!text.startsWith("#!")) return undefined;
  const end = text.indexOf("\n");
  const whole = text.slice(2, end < 0 ? lineLimitBytes : end);
  const [, name = "", separator, argument = ""] =
    /^[ \t]*([^ \t\0]*)([ \t\0])?[ \t]*([^\0]*)/.exec(whole) ?? [];
  // A name that goes on behind what is read is none; an argument is cut off.
  if (name === "" || (end < 0 && start.length > lineLimitBytes && separator === undefined)) return undefined;
  const trimmed = separator === "\0" ? "" : argument.replace(/[ \t]+$/, "");
  const decode = (bytes: string) => Buffer.from(bytes, "latin1").toString("utf8");
  return { interpreter: decode(name), ...(trimmed === "" ? {} : { argument: decode(trimmed) }) };
}

/**
 * What executing `path` comes to; `searchPath` is for `env`. Throws UKL-201, UKL-226 for an interpreter that is not
 * there and UKL-227 for a first line that cannot be followed.
 */
export async function resolveScripts(
  view: FileView,
  path: string,
  searchPath: readonly string[],
  argv: readonly string[] = [path],
): Promise<Execution> {
  const scripts: string[] = [];
  let execution = { path, argv };
  for (;;) {
    const start = await readStart(view.locate(execution.path), lineLimitBytes + 1);
    const line = parseInterpreterLine(start);
    if (line === undefined) {
      if (startsWithMark(start)) {
        const cause = "a byte order mark is in front of '#!', and the kernel does not take it for a script";
        throw notUnderstood(execution.path, cause, "save the file as UTF-8 without a byte order mark");
      }
      return { ...execution, scripts };
    }
    if (scripts.push(execution.path) > mostScripts) {
      throw notUnderstood(
        path,
        "more than five scripts are each other's interpreters",
        "name a program in its first line",
      );
    }
    execution = follow(view, line, execution, searchPath);
  }
}

function startsWithMark(start: Uint8Array): boolean {
  return Buffer.from(start).toString("latin1").startsWith("\xef\xbb\xbf#!");
}

function follow(
  view: FileView,
  { interpreter, argument }: InterpreterLine,
  { path: script, argv }: Pick<Execution, "path" | "argv">,
  searchPath: readonly string[],
): Pick<Execution, "path" | "argv"> {
  const behind = [script, ...argv.slice(1)];
  if (/^(?:\/usr)?\/bin\/env$/.test(interpreter)) {
    const [name = "", ...words] = wordsOfEnv(script, argument);
    const path = name.includes("/") ? name : findIn(view, name, searchPath);
    if (path === undefined || !isFileIn(view, path)) throw missingInterpreter(script, name);
    return { path, argv: [name, ...words, ...behind] };
  }
  if (!interpreter.startsWith("/")) {
    const cause = `its first line names ${JSON.stringify(interpreter)}, which depends on where the script is started`;
    throw notUnderstood(script, cause, "name the interpreter by its path from the root");
  }
  if (!isFileIn(view, interpreter)) throw missingInterpreter(script, interpreter);
  return { path: interpreter, argv: [interpreter, ...(argument === undefined ? [] : [argument]), ...behind] };
}

/** `env NAME`, and `env -S NAME WORDS`: env is not needed in the guest to find a program along PATH. */
function wordsOfEnv(script: string, argument = ""): readonly string[] {
  const split = /^(?:-S|--split-string=) *(.*)$/.exec(argument)?.[1];
  const words = split === undefined ? [argument] : split.split(/[ \t]+/);
  const [name = ""] = words;
  if (name !== "" && !/^-|=/.test(name) && !/["'\\$]/.test(words.join(""))) return words;
  throw notUnderstood(
    script,
    `it gives env '${argument}', which is more than a program's name`,
    "name the interpreter itself, or write env -S NAME ARGUMENTS without quotes and variables",
  );
}

function findIn(view: FileView, name: string, directories: readonly string[]): string | undefined {
  return directories.map((directory) => join(directory, name)).find((path) => isFileIn(view, path));
}

function missingInterpreter(script: string, interpreter: string): UklError {
  return new UklError("UKL-226", {
    what: `the interpreter of ${script} is missing`,
    cause: `its first line names ${JSON.stringify(interpreter)}, which is not there`,
    fix: interpreter.endsWith("\r")
      ? "end the line with a line feed alone: its carriage return is part of the name"
      : "install the package that has it, or correct the first line",
  });
}

function notUnderstood(script: string, cause: string, fix: string): UklError {
  return new UklError("UKL-227", { what: `the first line of ${script} cannot be followed`, cause, fix });
}
