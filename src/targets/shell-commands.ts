// SPDX-License-Identifier: MIT
/**
 * Programs of this machine that shell scripts run: what stands where a shell expects a command (POSIX.1-2024, Shell
 * Command Language, 2.9), and is there. Scripts among them are read as well.
 */
import { posix } from "node:path";
import { type FileView, resolveIn } from "../host/file-view.js";
import { readInput } from "../host/files.js";
import { builtIn } from "./essential-programs.js";

/** As Debian's login(1) sets it for root. */
const searchPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/** Behind what a command is, but for variables that are set for it. */
const commandPlace =
  /(?<=^|[\n;|&({`!]|\$\(|\b(?:then|do|else|elif|if|while|until|exec|command|sudo|env|xargs|nohup|nice|time)[ \t])[ \t]*(?:[A-Za-z_]\w*=\S*[ \t]+)*(?<word>[\w.+/-]+)(?=[\s;|&)`]|$)/g;
/** A script with more says too little about any of them. */
const mostCommands = 64;
const shell = /^#![ \t]*(?:\S*\/env[ \t]+)?(?:\S*\/)?(?:ba|da|k|z)?sh(?:\s|$)/;
const interpreterLine = /^#![ \t]*(\S+)/;

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
      const head = await scriptText(path, view);
      const [, interpreter] = interpreterLine.exec(head ?? "") ?? [];
      if (interpreter !== undefined && executable(interpreter, view) !== undefined) found.add(interpreter);
      if (head !== undefined && shell.test(head)) texts.push(head);
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

async function scriptText(path: string, view: FileView): Promise<string | undefined> {
  const bytes = await readInput(view.locate(path));
  return bytes[0] === 0x23 && bytes[1] === 0x21 ? bytes.toString("utf8") : undefined;
}
