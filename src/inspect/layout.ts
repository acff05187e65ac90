// SPDX-License-Identifier: MIT
/** Text for a terminal: nothing in a file that is inspected may break a line, move the cursor or pass for our words. */

const columns = 100;

/** A copy in which the control and formatting characters of every string are shown as escapes. */
export function printable<T>(value: T): T {
  const escaped = (_key: string, item: unknown) =>
    typeof item === "string"
      ? item.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
      : item;
  return JSON.parse(JSON.stringify(value, escaped));
}

/** `text` in lines of at most 100 columns: the first behind `head`, the others indented as far. */
export function wrap(text: string, head = ""): string[] {
  const width = columns - head.length;
  const lines: string[] = [];
  for (const word of text.split(" ").map((long) => elide(long, width))) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line, index) => (index === 0 ? head : " ".repeat(head.length)) + line);
}

/** Both ends of a name say most: a path's root and file, a mangled symbol's class and arguments. */
export function elide(text: string, width: number): string {
  if (text.length <= width) return text;
  const kept = width - 1;
  return `${text.slice(0, Math.ceil(kept / 2))}…${text.slice(text.length - Math.floor(kept / 2))}`;
}

/** `1 call`, `2 calls`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : nouns}`;
}
