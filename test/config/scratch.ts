// SPDX-License-Identifier: MIT
/** Configuration files for the tests, written into a directory that is gone afterwards. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadConfiguration } from "../../src/config/load.js";
import type { ResolvedConfiguration } from "../../src/config/schema.js";
import { UklError } from "../../src/errors.js";
import { withScratchDirectory } from "../../src/host/files.js";

interface Loaded {
  readonly configuration: ResolvedConfiguration;
  readonly directory: string;
}

/** Loads a configuration with this name and content. */
export async function load(name: string, content: string | Uint8Array): Promise<Loaded> {
  return withScratchDirectory(async (directory) => {
    const path = join(directory, name);
    await writeFile(path, content);
    return { configuration: await loadConfiguration(path), directory };
  });
}

interface Refusal {
  readonly code: string;
  /** The cause without the directory, so that it starts with NAME:LINE:COLUMN. */
  readonly cause: string;
  /** NAME:LINE:COLUMN of the mark in the content. */
  readonly marked: string;
}

/** Loads a configuration that has to be refused, where `▸` in the content marks the offending place. */
export async function refusal(name: string, content: string): Promise<Refusal> {
  const before = content.slice(0, Math.max(0, content.indexOf("▸"))).split("\n");
  const marked = `${name}:${before.length}:${(before.at(-1) ?? "").length + 1}`;
  return withScratchDirectory(async (directory) => {
    const path = join(directory, name);
    await writeFile(path, content.replace("▸", ""));
    const error = await loadConfiguration(path).catch((reason: unknown) => reason);
    if (!(error instanceof UklError)) throw new Error(`not refused: ${JSON.stringify(error)}`);
    return { code: error.code, cause: error.detail.cause.replaceAll(`${directory}/`, ""), marked };
  });
}
