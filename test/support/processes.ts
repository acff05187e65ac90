// SPDX-License-Identifier: MIT
import { readdirSync, readFileSync } from "node:fs";

/** Command lines of other running processes that have the word. A process may end while we look. */
export function processesWith(word: string): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((id) => {
      try {
        return readFileSync(`/proc/${id}/cmdline`, "latin1").replaceAll("\0", " ");
      } catch {
        return "";
      }
    })
    .filter((line) => line.includes(word));
}
