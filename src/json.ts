// SPDX-License-Identifier: MIT
/** JSON that somebody else may have written: a schema says what it is, this only that it is some. */

/** Undefined for what is no JSON, which no schema takes. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
