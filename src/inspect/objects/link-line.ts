// SPDX-License-Identifier: MIT
/**
 * What a compiler would give to its linker: it is asked with `-###`, which prints the commands and runs none.
 * So start files, libraries and their order are those of a real link, for each compiler and C library.
 */
import { resolve } from "node:path";
import { UklError } from "../../errors.js";
import { formatCommand, lastLines, run } from "../../host/exec.js";

/** An input of a link; the archives of a group are searched again and again, until they add nothing. */
export type LinkInput =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "library"; readonly name: string }
  | { readonly kind: "group"; readonly inputs: readonly LinkInput[] };

export interface LinkRequest {
  readonly compiler: string;
  /** The object or archive that is linked. */
  readonly path: string;
  /** As after -l. */
  readonly libraries: readonly string[];
  readonly libraryPaths: readonly string[];
}

/** What a static link has before and behind the file that it is asked for. */
export interface LinkLine {
  readonly before: readonly LinkInput[];
  readonly behind: readonly LinkInput[];
  /** Where libraries are looked for. */
  readonly directories: readonly string[];
}

/** Asks for the link of a static program, as `ukl build` makes one. Throws UKL-401, UKL-404. */
export async function askForLinkLine(request: LinkRequest): Promise<LinkLine> {
  const path = resolve(request.path);
  const command = {
    tool: request.compiler,
    args: [
      ...["-static", "-no-pie", "-###"],
      ...request.libraryPaths.map((directory) => `-L${resolve(directory)}`),
      path,
      ...request.libraries.map((name) => `-l${name}`),
    ],
  };
  const { stderr } = await run(command);
  // Commands, and nothing else, are printed behind a space; the linker's is the last.
  const line = stderr.split("\n").findLast((each) => each.startsWith(" ")) ?? "";
  const { inputs, directories } = readLinkLine(splitWords(line).slice(1));
  const at = inputs.findIndex((input) => input.kind === "file" && input.path === path);
  if (at >= 0) return { before: inputs.slice(0, at), behind: inputs.slice(at + 1), directories };
  throw new UklError("UKL-404", {
    what: `${request.compiler} does not tell how it links`,
    cause: lastLines(stderr) || "it printed nothing",
    fix: `name GCC or Clang with --cc, and try it by hand: ${formatCommand(command)}`,
  });
}

/** Options of GNU ld and LLD whose value is the next word. */
const optionsWithValue = new Set(
  "-o -m -z -T -e -u -y -h -f -plugin -dynamic-linker -rpath -soname".split(" "),
);

function readLinkLine(words: readonly string[]) {
  const directories: string[] = [];
  const outer: LinkInput[] = [];
  let inputs = outer;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (optionsWithValue.has(word)) index++;
    else if (word === "--start-group" || word === "-(") {
      inputs = [];
      outer.push({ kind: "group", inputs });
    } else if (word === "--end-group" || word === "-)") inputs = outer;
    else if (word.startsWith("-L")) directories.push(word.slice(2) || (words[++index] ?? ""));
    else if (word.startsWith("-l"))
      inputs.push({ kind: "library", name: word.slice(2) || (words[++index] ?? "") });
    else if (!word.startsWith("-")) inputs.push({ kind: "file", path: word });
  }
  return { inputs: outer, directories };
}

/** Words are bare, or in double quotes with backslashes. */
function splitWords(line: string): readonly string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|\S+/g)].map(([bare, quoted]) =>
    quoted === undefined ? bare : quoted.replaceAll(/\\(.)/g, "$1"),
  );
}
