// SPDX-License-Identifier: MIT
/**
 * Reads `ukl.config.ts`: type-checked first, then evaluated.
 *
 * The check runs in a file system of its own, in memory, that holds the configuration, our declaration under
 * the name "uklkit" and nothing else. So its outcome does not depend on what is installed around the file, and
 * a global installation of ukl is enough. The file is its author's program and runs with our privileges, as any
 * build script does.
 */
import { fileURLToPath } from "node:url";
import { createProject, ts } from "@ts-morph/bootstrap";
import { UklError } from "../errors.js";
import { readInput } from "../host/files.js";
import { describeSyntaxError, describeTypeError } from "./diagnostic.js";
import { locateIn, positionAt, rootExpression } from "./position.js";
import { type ConfigurationSource, formatPosition } from "./source.js";

/** Enough of Node for a configuration, without its type package: the environment, and modules untyped. */
const nodeDeclarations = `
declare module "node:*";
declare const process: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly arch: string;
  readonly platform: string;
};
`;

const packageAtRunTime =
  "data:text/javascript,export function defineConfig(configuration) { return configuration; }";

/** `absolutePath` places the file for the compiler; `path` is what messages call it. Throws UKL-111. */
export async function readTypescript(
  path: string,
  absolutePath: string,
  text: string,
): Promise<ConfigurationSource> {
  const { program, file } = await openProgram(absolutePath, text);
  refuseFirst(path, file, program.getSyntacticDiagnostics(file), describeSyntaxError);
  refuseFirst(path, file, program.getSemanticDiagnostics(file), describeTypeError);
  const root = rootExpression(file);
  return {
    value: await evaluate(path, file),
    locate: async (place) => (root === undefined ? positionAt(file, 0) : locateIn(file, root, place)),
  };
}

async function openProgram(path: string, text: string) {
  const project = await createProject({
    useInMemoryFileSystem: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      lib: ["lib.es2023.d.ts"],
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      strict: true,
      noEmit: true,
      types: [],
    },
  });
  // Compiled there is a declaration, and before that the source. A bundle is beside this folder.
  const source = import.meta.url.endsWith(".ts") ? "define.ts" : "define.d.ts";
  const declaration = new URL(`../config/${source}`, import.meta.url);
  const declarationText = (await readInput(fileURLToPath(declaration))).toString();
  project.fileSystem.writeFileSync("/node_modules/uklkit/index.d.ts", declarationText);
  project.createSourceFile("/node_modules/node.d.ts", nodeDeclarations);
  const file = project.createSourceFile(path, text);
  return { program: project.createProgram(), file };
}

function refuseFirst(
  path: string,
  file: ts.SourceFile,
  diagnostics: readonly ts.Diagnostic[],
  describe: (text: string, diagnostic: ts.Diagnostic) => string,
): void {
  const first = diagnostics[0];
  if (first === undefined) return;
  throw new UklError("UKL-111", {
    what: `${path} has a syntax or type error`,
    cause: `${formatPosition(path, positionAt(file, first.start ?? 0))}: ${describe(file.text, first)}`,
    fix: "correct the configuration at that place",
  });
}

/** Runs the file as a module that never touches the disk, and returns its default export. */
async function evaluate(path: string, file: ts.SourceFile): Promise<unknown> {
  const { outputText } = ts.transpileModule(file.text, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    transformers: { before: [redirectPackage] },
  });
  const url = `data:text/javascript;base64,${Buffer.from(outputText).toString("base64")}`;
  try {
    const module = (await import(url)) as { default?: unknown };
    return module.default;
  } catch (error) {
    throw new UklError(
      "UKL-111",
      {
        what: `${path} failed when it was evaluated`,
        cause: `${path}: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`,
        fix: "correct the configuration so that it can be imported as a module",
      },
      { cause: error },
    );
  }
}

/** A module without a place on disk cannot look packages up, so the one package it may import is inlined. */
const redirectPackage: ts.TransformerFactory<ts.SourceFile> = (context) => (file) =>
  ts.visitEachChild(
    file,
    (node) =>
      ts.isImportDeclaration(node) &&
      ts.isStringLiteral(node.moduleSpecifier) &&
      node.moduleSpecifier.text === "uklkit"
        ? context.factory.updateImportDeclaration(
            node,
            node.modifiers,
            node.importClause,
            context.factory.createStringLiteral(packageAtRunTime),
            node.attributes,
          )
        : node,
    context,
  );
