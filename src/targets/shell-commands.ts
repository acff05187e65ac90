// SPDX-License-Identifier: MIT
/**
 * Programs of this machine that shell scripts run: what stands where a shell expects a command (POSIX.1-2024, Shell
 * Command Language, 2.9), and is there. Scripts among them are read as well.
 */
import { posix } from "node:path";
import { type FileView, resolveIn } from "../host/file-view.js";
import { readInput } from "../host/files.js";
import { builtIn } from "./essential-programs.js";
import { defaultPath, type InterpreterLine, interpreterLineOf } from "./script.js";

const searchPath = defaultPath.split(":");
const shells = /^(?:ba|da|k|z)?sh$/;
/** Behind what a command is, but for variables that are set for it. */
const commandPlace =
  /(?<=^|[\n;|&({`!]|\$\(|\b(?:then|do|else|elif|if|while|until|exec|command|sudo|env|xargs|nohup|nice|time)[ \t])[ \t]*(?:[A-Za-z_]\w*=\S*[ \t]+)*(?<word>[\w.+/-]+)(?=[\s;|&)`]|$)/g;
/** A script with more says too little about any of them. */
const mostCommands = 64;

/** By the name of its program. */
export function isShell(path: string): boolean {
  return shells.test(posix.basename(path));
}

/** Each once, in the order of the script. */
export function commandWords(script: string): readonly string[] {
  const text = script.replaceAll(/\\\r?\n/g, " ").replaceAll(/(?<=^|\s)#.*$/gm, "");
  return [...new Set([...text.matchAll(commandPlace)].map(({ groups }) => groups?.["word"] ?? ""))];
}

/** The paths of the view that the scripts run, and those that these run. */
export async function programsRunBy(scripts: readonly string[], view: FileView): Promise<readonly string[]> {
  const found = new Set<string>();
  const texts = [...scripts];
  // Grows while it is walked.
  for (const text of texts) {
    for (const word of commandWords(text)) {
      const path = builtIn.has(word) ? undefined : executable(word, view);
      if (path === undefined || found.has(path) || found.size >= mostCommands) continue;
      found.add(path);
      const location = view.locate(path);
      const line = await interpreterLineOf(location);
      if (line === undefined) continue;
      if (executable(line.interpreter, view) !== undefined) found.add(line.interpreter);
      if (isShellLine(line)) texts.push((await readInput(location)).toString("utf8"));
    }
  }
  return [...found];
}

function executable(word: string, view: FileView): string | undefined {
  const places = word.startsWith("/")
    ? [word]
    : word.includes("/")
      ? []
      : searchPath.map((each) => `${each}/${word}`);
  return places.find((path) => {
    const node = resolveIn(view, posix.normalize(path))?.node;
    return node?.kind === "file" && (node.permissions & 0o111) !== 0;
  });
}

function isShellLine({ interpreter, argument = "" }: InterpreterLine): boolean {
  const [program = ""] = posix.basename(interpreter) === "env" ? argument.split(/[ \t]/) : [interpreter];
  return isShell(program);
}
