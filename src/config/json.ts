// SPDX-License-Identifier: MIT
/**
 * Reads `ukl.config.json`. Strict JSON needs no more than Node; only comments, trailing commas and mistakes
 * bring in the compiler (json-syntax.ts), which takes a third of a second to load.
 */
import type { ConfigurationSource } from "./source.js";

/** Throws UKL-111 with the position of a syntax error. */
export async function readJson(path: string, text: string): Promise<ConfigurationSource> {
  return {
    value: await parse(path, text),
    locate: async (place) => (await import("./json-syntax.js")).locateInJson(path, text, place),
  };
}

async function parse(path: string, text: string): Promise<unknown> {
  try {
    return JSON.parse(text);
  } catch {
    return (await import("./json-syntax.js")).parseRelaxedJson(path, text);
  }
}
