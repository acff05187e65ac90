// SPDX-License-Identifier: MIT
/**
 * Character sets: glibc converts most of them by modules that it loads when iconv_open(3) asks, statically linked or not.
 * Which these are is told by names of character sets in the program's text and arguments.
 */
import { type FileView, resolveIn } from "../host/file-view.js";
import { readInput } from "../host/files.js";
import { alphabetOf, forEachRun, textOf } from "./words.js";

/** A module, and the modules and tables that say for what it is. */
export interface Conversions {
  readonly modules: readonly string[];
  readonly tables: readonly string[];
}

/** Shorter text is a name by chance. */
const leastNameBytes = 3;
const nameLengths = { least: leastNameBytes, most: 64 };
const printable = alphabetOf(/[!-~]/);

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
  const known = new Set(lines.flatMap(([, ...names]) => names.slice(0, 2).map(bare)));
  const named = new Set(texts.flatMap((text) => namesIn(text, known)));
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

/** Those that are whole strings of C, whatever follows behind a slash. */
function namesIn(bytes: Uint8Array, known: ReadonlySet<string>): readonly string[] {
  const names = new Set<string>();
  forEachRun(bytes, printable, nameLengths, (start, end) => {
    if (bytes[end] !== 0) return;
    const name = bare(textOf(bytes, start, end));
    if (name.length >= leastNameBytes && known.has(name)) names.add(name);
  });
  return [...names];
}
