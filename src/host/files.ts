// SPDX-License-Identifier: MIT
/**
 * The door to the disk. A file appears under its name only when it is complete: it is written beside its
 * place and renamed, so an interruption or a full disk leaves either the old file or none.
 */
import { createHash, randomUUID } from "node:crypto";
import { closeSync, createReadStream, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { chmod, link, mkdir, mkdtemp, open, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { UklError } from "../errors.js";

/** Reads a file the user named, in one go: to wait for each piece takes longer than to read it. Throws UKL-201. */
export async function readInput(path: string): Promise<Buffer> {
  try {
    return readFileSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * Calls `work` with as many bytes as a file has, all of them 0, and with what reads a part of the file into its place:
 * to read a whole image takes longer than to start its machine. Throws UKL-201 and what `work` throws.
 */
export function readPartly<T>(
  path: string,
  work: (file: { bytes: Buffer; load: (offset: number, sizeBytes: number) => void }) => T,
): T {
  const orUnreadable = <R>(read: () => R): R => {
    try {
      return read();
    } catch (error) {
      throw unreadable(path, error);
    }
  };
  const file = orUnreadable(() => openSync(path, "r"));
  try {
    const bytes = orUnreadable(() => Buffer.alloc(fstatSync(file).size));
    const load = (offset: number, sizeBytes: number) => {
      const part = bytes.subarray(offset, offset + sizeBytes);
      orUnreadable(() => readSync(file, part, 0, part.length, offset));
    };
    return work({ bytes, load });
  } finally {
    closeSync(file);
  }
}

/** The first bytes of a file, as many as there are; none of what cannot be read. */
export async function readStart(path: string, sizeBytes: number): Promise<Uint8Array> {
  const handle = await open(path).catch(() => undefined);
  try {
    const start = await handle?.read(Buffer.alloc(sizeBytes), 0, sizeBytes, 0);
    return start?.buffer.subarray(0, start.bytesRead) ?? new Uint8Array();
  } catch {
    return new Uint8Array();
  } finally {
    await handle?.close();
  }
}

/** The lines of a file that may be too big to hold, each byte one character; of a line no more than `limit` of them. */
export async function* readLines(path: string, limit: number): AsyncGenerator<string> {
  let line = "";
  for await (const chunk of createReadStream(path, "latin1")) {
    const pieces = String(chunk).split("\n");
    for (const piece of pieces.slice(0, -1)) {
      yield (line + piece).slice(0, limit);
      line = "";
    }
    line = (line + pieces.at(-1)).slice(0, limit);
  }
  if (line !== "") yield line;
}

/** The paths of what is in a directory; nothing where there is none. */
export async function listFiles(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return names.map((name) => join(directory, name));
}

/** The error for a failed read of what the user named. */
export function unreadable(path: string, error: unknown): UklError {
  const isTooLarge = (error as NodeJS.ErrnoException | undefined)?.code === "ERR_FS_FILE_TOO_LARGE";
  const fix = isTooLarge ? "give it to the guest on a volume (-v)" : "check the path and its permissions";
  return new UklError(
    "UKL-201",
    { what: `${path} cannot be read`, cause: systemCause(error), fix },
    { cause: error },
  );
}

/** With what is added to it, a name is no longer than NAME_MAX. */
const longestPart = 48;

/** Writes a whole file or nothing. Throws UKL-402 on a full disk and UKL-403 otherwise. */
export async function writeOutput(path: string, bytes: string | Uint8Array, mode = 0o644): Promise<void> {
  // A process id is another one's too, in another namespace or on another machine, and all threads have it.
  const partial = join(dirname(path), `.${basename(path).slice(0, longestPart)}.${randomUUID()}.partial`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const handle = await open(partial, "wx", mode);
    try {
      await handle.writeFile(bytes);
    } finally {
      await handle.close();
    }
    await chmod(partial, mode);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw writeFailed(path, error);
  }
}

/** Has `make` write a new file, and never replaces one. Throws what `make` throws, else as `writeOutput`. */
export async function createWith(path: string, make: (partial: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(dirname(path), `.${basename(path)}.`)).catch((error: unknown) => {
    throw writeFailed(path, error);
  });
  const partial = join(directory, "partial");
  try {
    await make(partial);
    await link(partial, path);
  } catch (error) {
    throw error instanceof UklError ? error : writeFailed(path, error);
  } finally {
    await rm(directory, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Runs `work` in a new directory that is gone afterwards, whatever happens. */
export async function withScratchDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "ukl-")).catch((error: unknown) => {
    throw writeFailed(tmpdir(), error);
  });
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export function sha256(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The error for a failed write: a full disk has a code of its own, because its remedy is another one. */
export function writeFailed(path: string, error: unknown): UklError {
  const full = isSystemError(error) && (error.code === "ENOSPC" || error.code === "EDQUOT");
  return new UklError(
    full ? "UKL-402" : "UKL-403",
    {
      what: `${path} cannot be written`,
      cause: systemCause(error),
      fix: full ? "free some space, or name another directory" : "check the directory and its permissions",
    },
    { cause: error },
  );
}

/** As `writeFailed`, for the caches of the toolkit, which a user can have elsewhere. Gives UKL-306 or UKL-402. */
export function cacheWriteFailed(path: string, error: unknown): UklError {
  const failure = writeFailed(path, error);
  if (failure.code === "UKL-402") return failure;
  const fix = "make the cache directory writable, or set XDG_CACHE_HOME to another one";
  return new UklError("UKL-306", { ...failure.detail, fix }, { cause: error });
}

export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "code" in error && typeof error.code === "string";
}

function systemCause(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
