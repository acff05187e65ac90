// SPDX-License-Identifier: MIT
/** Messages of the TypeScript compiler, put the way ours are. */
import { ts } from "@ts-morph/bootstrap";

/** An import, an import for its side effect, and a Node module without its "node:" prefix. */
const cannotFindModule = [2307, 2882, 2591];

/** What the parser expected, and the word or character it found there. */
export function describeSyntaxError(text: string, diagnostic: ts.Diagnostic): string {
  const found = /^(?:\w+|\S)/.exec(text.slice(diagnostic.start ?? 0).trimStart())?.[0];
  return `${messageOf(diagnostic)}, found ${found ?? "the end of the file"}`;
}

/** What the type checker says, in our words where its own would mislead. */
export function describeTypeError(text: string, diagnostic: ts.Diagnostic): string {
  const start = diagnostic.start ?? 0;
  const found = text.slice(start, start + (diagnostic.length ?? 0));
  if (cannotFindModule.includes(diagnostic.code) && /^["']/.test(found)) {
    return `expected an import of "uklkit" or of one of Node's "node:" modules, found ${found}`;
  }
  return messageOf(diagnostic);
}

/** The compiler's message on one line, without its final full stop. */
function messageOf(diagnostic: ts.Diagnostic): string {
  return ts
    .flattenDiagnosticMessageText(diagnostic.messageText, "\n")
    .split("\n")
    .map((line) => line.trim().replace(/\.$/, ""))
    .join(": ");
}
