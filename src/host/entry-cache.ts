// SPDX-License-Identifier: MIT
/**
 * A directory of small files that can be made anew: what cannot be read is not there, what cannot be written is not
 * kept, and the oldest go when there are too many. So nothing here fails.
 */
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { once } from "../elf/lazy.js";
import { sha256, writeOutput } from "./files.js";

export interface EntryCache {
  read(name: string): Promise<string | undefined>;
  write(name: string, text: string): Promise<void>;
}

export function entryCache(directory: string, mostEntries: number): EntryCache {
  return {
    read: (name) => readFile(join(directory, name), "utf8").catch(() => undefined),
    write: async (name, text) => {
      try {
        await writeOutput(join(directory, name), text);
        await dropOldest(directory, mostEntries);
      } catch {
        // A full disk, or a directory that cannot be written: the entry is made again next time.
      }
    },
  };
}

/** What tells one state of a file from another without reading it. */
export interface FileState {
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** Undefined for a file that is not there. */
export async function fileState(path: string): Promise<FileState | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found && { sizeBytes: found.size, modifiedMs: found.mtimeMs };
}

/** Of the code that is running, so that no other version's entries are taken. */
export const codeDigest = once(async (): Promise<string> => {
  const here = dirname(fileURLToPath(import.meta.url));
  // A bundle has everything in one folder.
  const own = basename(here) === "bundle" ? here : dirname(here);
  const names = (await readdir(own, { recursive: true })).filter((name) => /\.c?[jt]s$/.test(name)).sort();
  const scanner = join(here, "../../scanner/scanner.wasm");
  const files = [scanner, ...names.map((name) => join(own, name))];
  return sha256((await Promise.all(files.map((file) => readFile(file, "latin1")))).join("\0"));
});

async function dropOldest(directory: string, mostEntries: number): Promise<void> {
  const names = await readdir(directory);
  if (names.length <= mostEntries) return;
  const files = await Promise.all(
    names.map(async (name) => ({ name, state: await fileState(join(directory, name)) })),
  );
  files.sort((left, right) => (left.state?.modifiedMs ?? 0) - (right.state?.modifiedMs ?? 0));
  const oldest = files.slice(0, names.length - mostEntries);
  await Promise.all(oldest.map(({ name }) => rm(join(directory, name), { force: true })));
}
