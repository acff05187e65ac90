// SPDX-License-Identifier: MIT
/** `-v` and `--disk` of a command line, as the configuration has them. That guest paths are paths is checked there. */
import { resolve } from "node:path";
import type { ConfigurationFlags } from "./config/schema.js";
import { UklError } from "./errors.js";

type RunConfiguration = NonNullable<ConfigurationFlags["run"]>;
type Volumes = NonNullable<RunConfiguration["volumes"]>;
type Disks = NonNullable<RunConfiguration["disks"]>;

/** Where a disk is when nobody says. */
const defaultDiskPlace = "/data";

/** `HOST:GUEST[:ro]` words; the last colons count, so that HOST may have some. Throws UKL-101. */
export function volumesOf(words: readonly string[]): Volumes {
  return byGuestPath(words, "-v", (word) => {
    const parts = word.split(":");
    const access = parts.length > 2 && /^r[ow]$/.test(parts.at(-1) ?? "") ? parts.pop() : "rw";
    const guest = parts.length > 1 ? parts.pop() : undefined;
    const host = parts.join(":");
    if (guest === undefined || host === "") {
      throw notUnderstood(word, "a volume has two places, with ':' between them", "-v HOST:GUEST[:ro]");
    }
    return [guest, { host: resolve(host), readOnly: access === "ro" }];
  });
}

/** `FILE[:GUEST][:SIZE]` words. Throws UKL-101. */
export function disksOf(words: readonly string[]): Disks {
  return byGuestPath(words, "--disk", (word) => {
    const parts = word.split(":");
    const size = parts.length > 1 && /^\d+[A-Za-z]$/.test(parts.at(-1) ?? "") ? parts.pop() : undefined;
    const guest = parts.length > 1 ? parts.pop() : undefined;
    const file = parts.join(":");
    if (file === "") throw notUnderstood(word, "there is no file", "--disk FILE[:GUEST][:SIZE]");
    return [guest ?? defaultDiskPlace, { file: resolve(file), size }];
  });
}

/** Throws UKL-101 where two words have one place. */
function byGuestPath<T>(
  words: readonly string[],
  option: string,
  read: (word: string) => readonly [guest: string, value: T],
): Record<string, T> {
  const values = new Map<string, T>();
  for (const word of words) {
    const [guest, value] = read(word);
    if (values.has(guest))
      throw notUnderstood(word, `${guest} has another one already`, `${option} with another path`);
    values.set(guest, value);
  }
  return Object.fromEntries(values);
}

function notUnderstood(word: string, cause: string, usage: string): UklError {
  return new UklError("UKL-101", { what: `'${word}' is not understood`, cause, fix: `write ${usage}` });
}
