// SPDX-License-Identifier: MIT
/**
 * Character sets: glibc converts most of them by modules that it loads when iconv_open(3) asks, statically linked or not.
 * Which these are is told by names of character sets in the program's text and arguments.
 */
import { type FileView, resolveIn } from "../host/file-view.js";
import { readInput } from "../host/files.js";

/** A module, and the modules and tables that say for what it is. */
export interface Conversions {
  readonly modules: readonly string[];
  readonly tables: readonly string[];
}

/** Shorter text is a name by chance. */
const leastNameBytes = 3;
const text = /[!-~]{3,64}(?=\0)/g;

/** What `directory` (of glibc's gconv) has for the character sets that are named in `texts`. */
export async function conversionsFor(
  view: FileView,
  directory: string,
  texts: readonly Uint8Array[],
): Promise<Conversions> {
  const none = { modules: [], tables: [] };
  const root = resolveIn(view, directory)?.path;
  if (root === undefined) return none;
  const extra = view.names(`${root}/gconv-modules.d`).filter((name) => name.endsWith(".conf"));
  const tables = [`${root}/gconv-modules`, ...extra.map((name) => `${root}/gconv-modules.d/${name}`)];
  const lines = (await Promise.all(tables.map((path) => readTable(view, path)))).flat();
  const named = new Set(texts.flatMap(namesIn));
  // Every module converts from or to what glibc calls its own character set.
  named.delete("INTERNAL");
  const modules = modulesOf(lines, named).map((name) => `${root}/${name}.so`);
  if (modules.length === 0) return none;
  return { modules, tables: [...tables, `${root}/gconv-modules.cache`] };
}

async function readTable(view: FileView, path: string): Promise<readonly (readonly string[])[]> {
  const found = resolveIn(view, path);
  if (found?.node.kind !== "file") return [];
  const content = (await readInput(view.locate(found.path))).toString("latin1");
  return content.split("\n").map((line) => line.replace(/#.*/, "").trim().split(/\s+/));
}

/** `alias NAME// OTHER//` and `module FROM// TO// FILE COST` (iconvconfig(8)); without the error handling after the slashes. */
function modulesOf(lines: readonly (readonly string[])[], named: ReadonlySet<string>): readonly string[] {
  const wanted = new Set(named);
  for (const [kind, alias = "", name = ""] of lines) {
    if (kind === "alias" && named.has(bare(alias))) wanted.add(bare(name));
  }
  const modules = lines.flatMap(([kind, from = "", to = "", module]) =>
    kind === "module" && module !== undefined && (wanted.has(bare(from)) || wanted.has(bare(to)))
      ? [module]
      : [],
  );
  return [...new Set(modules)].filter((name) => /^[\w.-]+$/.test(name));
}

function bare(name: string): string {
  return name.replace(/\/.*/, "").toUpperCase();
}

function namesIn(bytes: Uint8Array): readonly string[] {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  return (content.match(text) ?? []).map(bare).filter((name) => name.length >= leastNameBytes);
}
