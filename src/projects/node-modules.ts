// SPDX-License-Identifier: MIT
/** Which files a program of Node loads, by @vercel/nft. It reads them, and executes nothing. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseJson } from "../json.js";

export interface TracedModules {
  /** Absolute, without links; a link that leads to one of them is in the list too. */
  readonly paths: readonly string[];
  /** What could not be followed, one clause each. */
  readonly notes: readonly string[];
}

const mostNotes = 5;

/** `entries` are absolute; `directory` is where the program is started. */
export async function tracedModules(entries: readonly string[], directory: string): Promise<TracedModules> {
  // It takes as long to load as all else, and not every target is a project.
  const { nodeFileTrace } = await import("@vercel/nft");
  const { fileList, warnings } = await nodeFileTrace([...entries], {
    base: "/",
    processCwd: directory,
    // Which of its forms a package is loaded in depends on Node's version: all come.
    moduleSyncCatchall: true,
    mixedModules: true,
    readFile: readModule,
    // Files of the system are not the program's, whatever a package looks for there.
    ignore: (path) => /^(?:proc|sys|dev|etc|usr\/(?:lib|share|include))\//.test(path),
  });
  const missing = [...warnings].flatMap(
    ({ message }) => /^Failed to resolve dependency "?([^":\s]+)/.exec(message)?.[1] ?? [],
  );
  return {
    paths: [...fileList].map((path) => join("/", path)).sort(),
    notes: [...new Set(missing)]
      .slice(0, mostNotes)
      .map((name) => `the module ${name}, which is imported and not installed`),
  };
}

/** Null for what cannot be read, as nft has it. */
async function readModule(path: string): Promise<Buffer | string | null> {
  const bytes = await readFile(path).catch(() => null);
  if (bytes === null || !path.endsWith("/package.json")) return bytes;
  const manifest = parseJson(bytes.toString());
  if (typeof manifest !== "object" || manifest === null || !("exports" in manifest)) return bytes;
  return JSON.stringify({ ...manifest, exports: withoutAlternatives(manifest.exports) });
}

/**
 * Of alternatives Node takes the first that it understands, and that is the first of all since Node 12.17. nft takes it
 * too, but not all of its forms.
 */
function withoutAlternatives(exports: unknown): unknown {
  if (Array.isArray(exports)) return withoutAlternatives(exports[0]);
  if (typeof exports !== "object" || exports === null) return exports;
  return Object.fromEntries(
    Object.entries(exports).map(([name, target]) => [name, withoutAlternatives(target)]),
  );
}
