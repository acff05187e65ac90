// SPDX-License-Identifier: MIT
// The part of iced-x86's JavaScript that the analysis calls. Of the megabyte that the package has, nearly all names
// instructions and describes operands in ways that nobody asks for here, and to read it takes Node as long as a small
// program's libraries. The decoder itself, which is WebAssembly, stays as it is.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import ts from "typescript";

const packageFile = createRequire(import.meta.url).resolve("iced-x86");
/** What src/inspect/iced.ts takes of it. */
const tables = ["Code", "FlowControl", "Mnemonic", "OpKind", "Register"];
const classes = ["Decoder", "Instruction", "RegisterExt"];

/** The WebAssembly, which the slim form looks for beside itself. */
export const decoderBytes = join(dirname(packageFile), "iced_x86_bg.wasm");
export { packageFile as decoderPackage };

/** The text of a CommonJS module with what `users`, texts of modules, mention of the whole one's `text`. */
export function slimDecoder(text, users) {
  const mentioned = new Set(users.flatMap((each) => each.match(/[\w$]+/g) ?? []));
  const source = ts.createSourceFile("iced_x86.js", text, ts.ScriptTarget.Latest, false, ts.ScriptKind.JS);
  const kept = source.statements.flatMap((each) => slimStatement(each, mentioned, source));
  const licence = "// iced-x86 (MIT), of which the parts are left out that are not used: see LICENSES.txt";
  return `${licence}\n${withoutUnused(kept).join("\n")}\n`;
}

/** A statement as it stays, with the name that it defines if it does nothing else. */
function slimStatement(statement, mentioned, source) {
  if (ts.isClassDeclaration(statement)) {
    const name = statement.name.text;
    return [{ name, text: slimClass(statement, mentioned, source) }];
  }
  const text = statement.getText(source);
  if (ts.isFunctionDeclaration(statement)) return [{ name: statement.name.text, text }];
  const [, exported] = /^module\.exports\.(\w+) = /.exec(text) ?? [];
  if (exported === undefined || exported.startsWith("__")) return [{ text }];
  if (classes.includes(exported)) return [{ text }];
  if (!tables.includes(exported)) return [];
  return [{ text: slimTable(exported, statement.expression.right.arguments[0], mentioned, source) }];
}

/** What it exports by a mentioned name, without the names by number. */
function slimTable(name, object, mentioned, source) {
  const members = object.properties.filter(
    (each) => mentioned.has(each.name.text) && /^\D/.test(each.name.text),
  );
  return `module.exports.${name} = {${members.map((each) => each.getText(source)).join(",")}};`;
}

/** Members whose names start with an underscore are for the module itself. */
function slimClass(statement, mentioned, source) {
  const isUsed = ({ name }) => name === undefined || name.text.startsWith("_") || mentioned.has(name.text);
  const members = statement.members.filter(isUsed).map((each) => each.getText(source));
  return `class ${statement.name.text} {\n${members.join("\n")}\n}`;
}

/** Leaves out the functions and classes that nothing is left of to name them. */
function withoutUnused(statements) {
  const kept = new Set(statements.filter(({ name }) => name === undefined));
  for (const { text } of kept) {
    const names = new Set(text.match(/[\w$]+/g));
    for (const each of statements) if (names.has(each.name)) kept.add(each);
  }
  return statements.filter((each) => kept.has(each)).map(({ text }) => text);
}
