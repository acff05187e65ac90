// SPDX-License-Identifier: MIT
/**
 * Compiles and links the application into an ordinary static executable, with the host's compiler and
 * its C runtime. The kernel has no part in this: what the host's linker does with TLS, IFUNC relocations,
 * unwind tables and initialisers is right by construction, for every language it knows.
 */
import { basename, extname, join, resolve } from "node:path";
import { UklError } from "../errors.js";
import { attempt, type Command, lastLines, type Outcome, run } from "../host/exec.js";

export interface ApplicationSources {
  /** Sources (.c .cc .cpp .cxx .S .s), objects and archives. */
  readonly inputs: readonly string[];
  readonly compiler: string | undefined;
  readonly libraries: readonly string[];
  readonly libraryPaths: readonly string[];
  readonly compileFlags: readonly string[];
  readonly linkFlags: readonly string[];
  /** Objects of the toolkit that the application may call. */
  readonly extraObjects: readonly string[];
  /** Kernel symbols that the application may use, with their addresses. */
  readonly kernelSymbols: ReadonlyMap<string, bigint>;
}

const sourceExtensions = new Set([".c", ".cc", ".cpp", ".cxx", ".S", ".s"]);
const cxxExtensions = new Set([".cc", ".cpp", ".cxx"]);

/** Returns the path of the executable, in `scratch`. Throws UKL-210, UKL-220 to UKL-224. */
export async function linkApplication(sources: ApplicationSources, scratch: string): Promise<string> {
  const cxx = sources.inputs.some((input) => cxxExtensions.has(extname(input)));
  const compiler = sources.compiler ?? (cxx ? "g++" : "gcc");
  const objects = await Promise.all(
    sources.inputs.map((input, index) => compileInput(input, index, compiler, sources.compileFlags, scratch)),
  );
  const executable = join(scratch, "application");
  const names = new Map(objects.map((object, index) => [object, sources.inputs[index] ?? object]));
  await run(linkCommand(compiler, objects, sources, executable), {
    explain: (outcome) => explainLink(outcome, names),
  });
  return executable;
}

async function compileInput(
  input: string,
  index: number,
  compiler: string,
  flags: readonly string[],
  scratch: string,
): Promise<string> {
  const extension = extname(input);
  if (extension === ".o" || extension === ".a") return resolve(input);
  if (!sourceExtensions.has(extension)) throw unknownInput(input);
  const object = join(scratch, `${index}-${basename(input)}.o`);
  // No path of this machine gets into assertions or debug information.
  const prefix = `-ffile-prefix-map=${resolve(input, "..")}=.`;
  const outcome = await attempt({
    tool: compiler,
    args: ["-O2", "-fno-pie", prefix, ...flags, "-c", resolve(input), "-o", object],
  });
  if (outcome.exitStatus === 0) return object;
  throw new UklError("UKL-223", {
    what: `${input} does not compile`,
    cause: lastLines(outcome.stderr),
    fix: "correct the source, or pass the flags it needs with --cflag",
  });
}

function linkCommand(
  compiler: string,
  objects: readonly string[],
  sources: ApplicationSources,
  executable: string,
): Command {
  const symbols = [...sources.kernelSymbols].map(
    ([name, address]) => `-Wl,--defsym=${name}=0x${address.toString(16)}`,
  );
  return {
    tool: compiler,
    args: [
      "-static",
      "-no-pie",
      "-Wl,--build-id=none",
      ...sources.libraryPaths.map((path) => `-L${path}`),
      ...objects,
      ...sources.extraObjects,
      ...sources.libraries.map((name) => `-l${name}`),
      ...symbols,
      ...sources.linkFlags,
      "-o",
      executable,
    ],
  };
}

/** Turns ld's complaint into ours. The names of temporary objects become those of the user's files. */
function explainLink(outcome: Outcome, names: ReadonlyMap<string, string>): UklError {
  let text = outcome.stderr;
  for (const [object, name] of names) text = text.replaceAll(object, name);
  const { code, what, causes, fix } = diagnoseLink(text);
  return new UklError(code, { what, cause: causes.slice(0, 20).join("\n") || lastLines(text), fix });
}

interface LinkDiagnosis {
  readonly code: "UKL-220" | "UKL-221" | "UKL-222" | "UKL-224";
  readonly what: string;
  readonly causes: readonly string[];
  readonly fix: string;
}

/** Reads GNU ld's messages; pure, for the tests. */
export function diagnoseLink(text: string): LinkDiagnosis {
  const undefinedSymbols = collectUndefined(text);
  if (undefinedSymbols.length > 0) {
    return {
      code: "UKL-220",
      what:
        undefinedSymbols.length === 1
          ? "a symbol is undefined"
          : `${undefinedSymbols.length} symbols are undefined`,
      causes: undefinedSymbols,
      fix: "add the library that defines it with -l, or name it with --kernel-symbol where the kernel's is meant",
    };
  }
  const duplicates = [...text.matchAll(/^(?:\S*ld: )?(\S+?):.*multiple definition of `(.+?)'; (\S+?):/gm)];
  if (duplicates.length > 0) {
    return {
      code: "UKL-221",
      what: "a symbol is defined more than once",
      causes: duplicates.map((match) => `'${match[2]}' is defined in ${match[3]} and again in ${match[1]}`),
      fix: "leave one of the inputs out, or make one of the definitions static",
    };
  }
  const libraries = [...text.matchAll(/cannot find (-l\S+?|\S+?)(?::|$)/gm)];
  if (libraries.length > 0) {
    return {
      code: "UKL-222",
      what: "a library is missing",
      causes: libraries.map((match) => `${match[1]} was not found as a static library`),
      fix: "install the package that brings its .a file, or add its directory with -L",
    };
  }
  return {
    code: "UKL-224",
    what: "the application does not link",
    causes: [],
    fix: "see what the linker said",
  };
}

/** "'symbol' is wanted by object", from ld's "object: in function ... undefined reference to `symbol'". */
function collectUndefined(text: string): readonly string[] {
  const found = new Set<string>();
  let object = "";
  for (const line of text.split("\n")) {
    const place = /^(?:\S*ld: )?(\S+?): in function /.exec(line);
    if (place?.[1] !== undefined) object = place[1];
    const reference = /undefined reference to `(.+?)'/.exec(line);
    if (reference === null) continue;
    const own = /^(?:\S*ld: )(\S+?):/.exec(line)?.[1];
    found.add(`'${reference[1]}' is wanted by ${basename(own ?? object)}`);
  }
  return [...found];
}

function unknownInput(input: string): UklError {
  return new UklError("UKL-210", {
    what: `${input} is not an input of a build`,
    cause: `its name ends in '${extname(input)}'`,
    fix: "give sources (.c .cc .cpp .cxx .S .s), objects (.o), archives (.a), or one static executable",
  });
}
