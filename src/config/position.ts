// SPDX-License-Identifier: MIT
/**
 * Finds the key or value a configuration path names in a syntax tree. JSON and TypeScript share it, because
 * TypeScript parses a JSON file into the same kind of object literal.
 */
import { ts } from "@ts-morph/bootstrap";
import type { Place, Position } from "./source.js";

/** The position of `place` below `root`, or of the innermost part of the way that the text spells out. */
export function locateIn(file: ts.SourceFile, root: ts.Expression, place: Place): Position {
  let node: ts.Node = root;
  for (const [index, key] of place.path.entries()) {
    const element = memberOf(file, node, key);
    if (element === undefined) break;
    const last = index === place.path.length - 1;
    node = last && place.at === "key" ? element.key : element.value;
  }
  return positionAt(file, node.getStart(file));
}

/** The position of a character, given as its offset in the text. */
export function positionAt(file: ts.SourceFile, offset: number): Position {
  const { line, character } = file.getLineAndCharacterOfPosition(Math.min(offset, file.text.length));
  return { line: line + 1, column: character + 1 };
}

/** The expression a file exports as its default, or in a JSON file its only one. */
export function rootExpression(file: ts.SourceFile): ts.Expression | undefined {
  for (const statement of file.statements) {
    if (ts.isExportAssignment(statement) || ts.isExpressionStatement(statement)) return statement.expression;
  }
  return undefined;
}

interface Member {
  readonly key: ts.Node;
  readonly value: ts.Node;
}

function memberOf(file: ts.SourceFile, node: ts.Node, key: PropertyKey): Member | undefined {
  const literal = literalBehind(file, node);
  if (ts.isArrayLiteralExpression(literal)) {
    const element = literal.elements[Number(key)];
    return element === undefined ? undefined : { key: element, value: element };
  }
  if (!ts.isObjectLiteralExpression(literal)) return undefined;
  // The last of equal keys is the one whose value counts.
  const property = literal.properties.findLast(
    ({ name }) => name !== undefined && "text" in name && name.text === String(key),
  );
  if (property?.name === undefined) return undefined;
  return {
    key: property.name,
    value: ts.isPropertyAssignment(property) ? property.initializer : property.name,
  };
}

/** Looks through what leaves the value as it is: `defineConfig(…)`, `as`, `satisfies`, parentheses, constants. */
function literalBehind(file: ts.SourceFile, node: ts.Node): ts.Node {
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) {
    return literalBehind(file, node.expression);
  }
  if (ts.isCallExpression(node) && node.arguments[0] !== undefined) {
    return literalBehind(file, node.arguments[0]);
  }
  const initializer = ts.isIdentifier(node) ? initializerOf(file, node) : undefined;
  return initializer === undefined ? node : literalBehind(file, initializer);
}

function initializerOf(file: ts.SourceFile, identifier: ts.Identifier): ts.Expression | undefined {
  return file.statements
    .filter(ts.isVariableStatement)
    .flatMap((statement) => statement.declarationList.declarations)
    .find(
      ({ name, end }) =>
        ts.isIdentifier(name) && name.text === identifier.text && end <= identifier.getStart(file),
    )?.initializer;
}
