// SPDX-License-Identifier: MIT
/**
 * What a file has for linkers, debuggers and tools: sections, symbols, notes. Linux and the dynamic loader run a program
 * without a look at them, so one that is damaged is told and passed over. Of an object file they are all there is.
 */
import { UklError } from "../errors.js";

/** Returns what `read` returns; `fallback`, and a problem with what `name` says, where that is damaged. */
export type HintReader = <T>(name: string, fallback: T, read: () => T) => T;

/** Of a file that is not run, what is damaged is an error. */
export function hintReader(isRun: boolean, tell: (problem: string) => void): HintReader {
  return (name, fallback, read) => {
    try {
      return read();
    } catch (error) {
      if (!isRun || !(error instanceof UklError)) throw error;
      tell(`${name} are not used: ${error.detail.cause}`);
      return fallback;
    }
  };
}
