// SPDX-License-Identifier: MIT
/** Names in the bytes of programs, which may be a hundred megabytes: each byte is looked at once. */

/** Which bytes a name is made of: by value, 1 or 0. */
export type Alphabet = Uint8Array;

export function alphabetOf(pattern: RegExp): Alphabet {
  return Uint8Array.from({ length: 256 }, (_, byte) => Number(pattern.test(String.fromCharCode(byte))));
}

/** Those of `names` that stand alone in the bytes, between others than the alphabet's. */
export function namesAlone(
  bytes: Uint8Array,
  names: ReadonlySet<string>,
  alphabet: Alphabet,
): ReadonlySet<string> {
  const found = new Set<string>();
  forEachRun(bytes, alphabet, lengthsOf(names), (start, end) => {
    const name = textOf(bytes, start, end);
    if (names.has(name)) found.add(name);
  });
  return found;
}

interface Lengths {
  readonly least: number;
  readonly most: number;
}

/** Calls `visit` with the bounds of each longest run of bytes of the alphabet, where its length is within the limits. */
export function forEachRun(
  bytes: Uint8Array,
  alphabet: Alphabet,
  { least, most }: Lengths,
  visit: (start: number, end: number) => void,
): void {
  let start = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (alphabet[bytes[at] as number] === 1) continue;
    if (at - start >= least && at - start <= most) visit(start, at);
    start = at + 1;
  }
  if (bytes.length - start >= least && bytes.length - start <= most) visit(start, bytes.length);
}

export function textOf(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] as number);
  return text;
}

function lengthsOf(names: ReadonlySet<string>): Lengths {
  const lengths = [...names].map((name) => name.length);
  return { least: Math.min(...lengths), most: Math.max(...lengths) };
}
