// SPDX-License-Identifier: MIT
/**
 * An option that several words may follow, where the command's target is in front of it. Behind it the first word alone
 * belongs to the option: `--include a b` would leave no word for the target.
 */
import type { Command } from "commander";

/** Repeats `option` in front of each further word that belongs to it; `words` are those behind the command's name. */
export function spreadOption(words: readonly string[], command: Command, option: string): readonly string[] {
  const spread: string[] = [];
  let hasTarget = false;
  let isOpen = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (!word.startsWith("-") || word === "-") {
      if (isOpen) spread.push(option);
      else hasTarget = true;
      spread.push(word);
      continue;
    }
    spread.push(word);
    isOpen = hasTarget && (word === option || word.startsWith(`${option}=`));
    const next = words[at + 1];
    if (takesNext(command, word) && next !== undefined) {
      spread.push(next);
      at++;
    }
  }
  return spread;
}

/** Its value is the next word, whatever that looks like; `--name=value` and `-nvalue` have theirs in themselves. */
function takesNext({ options }: Command, word: string): boolean {
  return options.some(({ long, short, required }) => required && (word === long || word === short));
}
