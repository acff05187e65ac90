// SPDX-License-Identifier: MIT
/** Why a program was not started: execve(2) has one number for several causes, and Node says no more than that. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { getSystemErrorMap } from "node:util";
import { UklError } from "../errors.js";
import { isSystemError } from "./files.js";
import { packageOfTool } from "./packages.js";

interface Started {
  readonly tool: string;
  readonly args: readonly string[];
  readonly cwd?: string;
}

/** Calls what starts a program. Some failures Node throws, others are events. Throws UKL-401 and UKL-408. */
export function starting<T>(command: Started, start: () => T): T {
  try {
    return start();
  } catch (error) {
    throw startFailure(command, error);
  }
}

/** What a failed start was, or the error as it is where it is another one. */
export function startFailure(command: Started, error: unknown): unknown {
  return isSystemError(error) ? notStarted(command, error.code) : error;
}

/** The error for a program that was not started, with the code that the host gave: UKL-401 or UKL-408. */
export function notStarted(command: Started, code: string | undefined): UklError {
  const { tool, cwd } = command;
  const file = findFile(tool);
  if (cwd !== undefined && !isUsableDirectory(cwd)) {
    return cannotStart(
      tool,
      `its working directory ${cwd} is missing or may not be entered (${code})`,
      "see whether something removed it, or took its permissions",
    );
  }
  if (code === "E2BIG") {
    const cause = `its command line takes ${sizeBytes(command)} bytes, more than the host lets a program have (E2BIG)`;
    return cannotStart(
      tool,
      cause,
      "give it fewer or shorter arguments, or a smaller environment: 'getconf ARG_MAX' has the limit",
    );
  }
  if (code === "EACCES" && file !== undefined) {
    return cannotStart(
      tool,
      `${file} may not be executed (EACCES)`,
      "see its permissions and those of its directories, and whether its file system is mounted noexec",
    );
  }
  if (code === "ENOENT" && file !== undefined) {
    return cannotStart(
      tool,
      `${file} is there, but the interpreter that it names is not (ENOENT)`,
      "install what its first line, or its PT_INTERP, names",
    );
  }
  return code === "ENOENT" || code === undefined
    ? missingTool(tool)
    : cannotStart(tool, describe(code), `see with 'strace -f' what the host refuses ${tool}`);
}

function missingTool(tool: string): UklError {
  const packageName = packageOfTool(tool);
  return new UklError("UKL-401", {
    what: `${tool} is not installed`,
    cause: `no program of that name is on PATH`,
    fix:
      packageName === undefined
        ? `install ${tool}`
        : `run 'ukl doctor --fix', or install the package ${packageName}`,
  });
}

function cannotStart(tool: string, cause: string, fix: string): UklError {
  return new UklError("UKL-408", { what: `${tool} cannot be started`, cause, fix });
}

/** The first file of that name, which need not be executable. */
function findFile(tool: string): string | undefined {
  const directories = (process.env["PATH"] ?? "").split(delimiter);
  const candidates = tool.includes("/") ? [tool] : directories.map((directory) => join(directory, tool));
  return candidates.find((path) => statOf(path)?.isDirectory() === false);
}

function statOf(path: string): ReturnType<typeof statSync> {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function isUsableDirectory(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statOf(path)?.isDirectory() === true;
  } catch {
    return false;
  }
}

/** As execve(2) counts them, but for the pointers. */
function sizeBytes({ tool, args }: Started): number {
  return [tool, ...args].reduce((sum, word) => sum + Buffer.byteLength(word) + 1, 0);
}

function describe(code: string): string {
  const found = [...getSystemErrorMap().values()].find(([name]) => name === code);
  return found === undefined ? code : `${found[1]} (${code})`;
}
