// SPDX-License-Identifier: MIT
/**
 * The part of reading JSON that needs a syntax tree: positions, and the comments and trailing commas people
 * know from `tsconfig.json`, which the TypeScript compiler's JSON reader accepts.
 */
import { ts } from "@ts-morph/bootstrap";
import { UklError } from "../errors.js";
import { describeSyntaxError } from "./diagnostic.js";
import { locateIn, positionAt, rootExpression } from "./position.js";
import { formatPosition, type Place, type Position } from "./source.js";

/** Throws UKL-111 with the position of the first syntax error. */
export function parseRelaxedJson(path: string, text: string): unknown {
  const { config, error } = withinStack(path, () => ts.parseConfigFileTextToJson(path, text));
  if (error === undefined) return config;
  const position = positionAt(ts.parseJsonText(path, text), error.start ?? 0);
  throw syntaxError(path, `${formatPosition(path, position)}: ${describeSyntaxError(text, error)}`);
}

export function locateInJson(path: string, text: string, place: Place): Position {
  const file = withinStack(path, () => ts.parseJsonText(path, text));
  const root = rootExpression(file);
  return root === undefined ? positionAt(file, 0) : locateIn(file, root, place);
}

/** The compiler's parser recurses; a file made of brackets must not look like a bug of ours. */
function withinStack<T>(path: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw syntaxError(path, `${path}: objects and lists are nested too deeply`);
  }
}

function syntaxError(path: string, cause: string): UklError {
  return new UklError("UKL-111", {
    what: `${path} is not valid JSON`,
    cause,
    fix: "correct the configuration at that place",
  });
}
