// SPDX-License-Identifier: MIT
/** The words of a command that a person wrote for a shell, as far as no shell is needed to understand it. */
import { UklError } from "../errors.js";
import { quote } from "../host/exec.js";

export interface SimpleCommand {
  /** NAME=VALUE in front of the program. */
  readonly environment: Readonly<Record<string, string>>;
  readonly words: readonly string[];
}

/** Undefined for what only a shell can execute: several commands, variables, patterns, redirections. */
export function parseCommand(line: string): SimpleCommand | undefined {
  const words = wordsOf(line.trim());
  if (words === undefined) return undefined;
  const environment: Record<string, string> = {};
  let first = 0;
  for (; first < words.length; first++) {
    const [, name, value = ""] = /^([A-Za-z_]\w*)=(.*)$/s.exec(words[first] ?? "") ?? [];
    if (name === undefined) break;
    environment[name] = value;
  }
  // Some write these in front, so that the line works on other systems too.
  if (["exec", "env", "cross-env"].includes(words[first] ?? "")) {
    const rest = parseCommand(
      words
        .slice(first + 1)
        .map(quote)
        .join(" "),
    );
    return rest && { ...rest, environment: { ...environment, ...rest.environment } };
  }
  return first < words.length ? { environment, words: words.slice(first) } : undefined;
}

/** POSIX, Shell Command Language, 2.2 Quoting. */
function wordsOf(line: string): readonly string[] | undefined {
  const words: string[] = [];
  const pattern = /[ \t]+|'([^']*)'|"((?:[^"\\$`]|\\[\\"$`])*)"|\\(.)|([^\s'"\\$`|&;<>()*?[\]#~!{}\n]+)/gy;
  let word: string | undefined;
  while (pattern.lastIndex < line.length) {
    const found = pattern.exec(line);
    if (found === null) return undefined;
    const [, single, double, escaped, plain] = found;
    const piece = single ?? double?.replaceAll(/\\([\\"$`])/g, "$1") ?? escaped ?? plain;
    if (piece === undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + piece;
    }
  }
  return word === undefined ? words : [...words, word];
}

/** Throws UKL-242. `place` says where the command is written. */
export function simpleCommand(line: string, place: string): SimpleCommand {
  const command = parseCommand(line);
  if (command !== undefined) return command;
  throw new UklError("UKL-242", {
    what: `${place} cannot be followed`,
    cause: `only a shell can execute it: ${line}`,
    fix: "name the file that it starts, or write the command into ukl.config.ts ('ukl init')",
  });
}
