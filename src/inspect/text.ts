// SPDX-License-Identifier: MIT
/** Constant text in a file: the names of files and libraries that code refers to. */
import { type Module, regionAt } from "./module.js";

/** PATH_MAX: a longer name cannot be opened. */
const longestTextBytes = 4096;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The text from an address up to the next NUL; undefined for what is no text or is written in code. */
export function textAt(module: Module, address: number): string | undefined {
  const region = regionAt(module, address);
  if (region === undefined) return undefined;
  const from = address - region.start;
  const bytes = region.bytes.subarray(from, from + longestTextBytes);
  const end = bytes.indexOf(0);
  if (end <= 0 || bytes.subarray(0, end).some((byte) => byte < 0x20 || byte === 0x7f)) return undefined;
  try {
    return decoder.decode(bytes.subarray(0, end));
  } catch {
    return undefined;
  }
}
