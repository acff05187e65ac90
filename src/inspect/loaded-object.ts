// SPDX-License-Identifier: MIT
/**
 * One file of a closure, opened as a loader would: what is no regular file, or nothing that can be mapped
 * as a library, is told apart from what is not there.
 */
import { statSync } from "node:fs";
import { basename } from "node:path";
import { DF_1_PIE } from "../elf/constants.js";
import { checkExecutable, checkLibrary } from "../elf/executable.js";
import { type ElfFile, parseElf } from "../elf/file.js";
import { malformed } from "../elf/malformed.js";
import { UklError } from "../errors.js";
import { readInput } from "../host/files.js";

export type LoadReason = "program" | "interpreter" | "needed" | "nss" | "gconv" | "dlopen";

export interface LoadedObject {
  /** As the loader found it: symbolic links are not resolved. */
  readonly path: string;
  /** The last part of the path, for messages. */
  readonly name: string;
  readonly file: ElfFile;
  readonly sizeBytes: number;
  /** What an object of "nss", "gconv" or "dlopen" needs has the same reason. */
  readonly reason: LoadReason;
  readonly soname: string | undefined;
  readonly needed: readonly string[];
  /** Index of the object that first asked for it; absent for the program and for an interpreter nobody needs. */
  readonly neededBy?: number;
  /** Of a program that was put together from objects: which of them an address is from. */
  readonly placeOf?: (address: number) => Place | undefined;
}

/** A place in a file, as its own tools give it. */
export interface Place {
  readonly library: string;
  readonly offset: number;
}

/** "foreign" files are passed over, "refused" ones end the search: the loader then does not start the program. */
export type Unusable = "foreign" | "refused";

/** Bazel makes lists of 100 KiB. */
const pathListLimitBytes = 1024 * 1024;
const interpreterName = /^ld-(?:linux-x86-64|musl-x86_64)\.so\.\d+$/;

/** The part that is read from the dynamic section, which has to be sound. Throws UKL-202 to UKL-210. */
export function openProgram(bytes: Buffer, path: string): LoadedObject {
  const object = describe(bytes, path, "program");
  if (object.file.kind !== "relocatable") checkExecutable(object.file);
  return object;
}

/** `location` is where its bytes are. */
export async function openLibrary(
  path: string,
  reason: LoadReason,
  location = path,
): Promise<LoadedObject | Unusable> {
  const role = interpreterName.test(basename(path)) ? "interpreter" : reason;
  try {
    const object = describe(await readInput(location), path, role);
    if (role !== "interpreter") checkLibrary(object.file);
    return role === "interpreter" || isLibrary(object.file) ? object : "refused";
  } catch (error) {
    if (!(error instanceof UklError)) throw error;
    return ["UKL-201", "UKL-204", "UKL-205"].includes(error.code) ? "foreign" : "refused";
  }
}

export interface FileIdentity {
  /** The same for all names of a file. */
  readonly id: string;
  /** Anything else may block a reader, or never end. */
  readonly isFile: boolean;
}

/** Undefined for what is not there. A search asks thousands of times: waiting for each would take 20 times as long. */
export function identify(path: string): FileIdentity | undefined {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found && { id: `${found.dev}:${found.ino}`, isFile: found.isFile() };
  } catch {
    return undefined;
  }
}

function describe(bytes: Uint8Array, path: string, reason: LoadReason): LoadedObject {
  const file = parseElf(bytes, path);
  const { soname, needed = [], rpath = "", runpath = "" } = file.dynamic ?? {};
  if (Math.max(rpath.length, runpath.length) > pathListLimitBytes) {
    throw malformed("UKL-208", path, `its DT_RPATH or DT_RUNPATH is longer than ${pathListLimitBytes} bytes`);
  }
  return { path, name: basename(path), file, sizeBytes: bytes.length, reason, soname, needed };
}

/** ld.so maps neither object files nor programs, position independent or not. */
function isLibrary(file: ElfFile): boolean {
  return file.kind === "shared" && ((file.dynamic?.flags1 ?? 0n) & DF_1_PIE) === 0n;
}
