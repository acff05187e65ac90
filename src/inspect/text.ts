// SPDX-License-Identifier: MIT
/** Constant text in a file: the names of files and libraries that code refers to. */
import { type Module, regionAt } from "./module.js";

/** PATH_MAX: a longer name cannot be opened. */
const longestTextBytes = 4096;
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * The text from an address up to the next NUL, that begins in a way; undefined for what is no text. Of the many
 * addresses that code mentions hardly one is what is looked for, and the first byte tells.
 */
export function textAt(module: Module, address: number, begin = ""): string | undefined {
  const region = regionAt(module, address);
  if (region === undefined || region.executable) return undefined;
  const from = address - region.start;
  for (let index = 0; index < begin.length; index++) {
    if (region.bytes[from + index] !== begin.charCodeAt(index)) return undefined;
  }
  const bytes = region.bytes.subarray(from, from + longestTextBytes);
  const end = bytes.indexOf(0);
  if (end <= 0 || bytes.subarray(0, end).some((byte) => byte < 0x20 || byte === 0x7f)) return undefined;
  try {
    return decoder.decode(bytes.subarray(0, end));
  } catch {
    return undefined;
  }
}
