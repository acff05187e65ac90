// SPDX-License-Identifier: MIT
/**
 * Compiles and links the application into an ordinary static executable, with the host's compiler and
 * its C runtime. The kernel has no part in this: what the host's linker does with TLS, IFUNC relocations,
 * unwind tables and initialisers is right by construction, for every language it knows.
 */
import { mkdir } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { readArchive } from "../elf/archive.js";
import { identifyInput, isBitcode } from "../elf/identify.js";
import { UklError } from "../errors.js";
import { attempt, type Command, lastLines, type Outcome, run } from "../host/exec.js";
import { readInput } from "../host/files.js";

export interface ApplicationSources {
  /** Sources (.c .cc .cpp .cxx .S .s), objects and archives. */
  readonly inputs: readonly string[];
  /** What the executable is called, and so in every message about a function of it. */
  readonly name: string;
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
  const executable = join(scratch, "linked", sources.name);
  await mkdir(dirname(executable), { recursive: true });
  const names = new Map([
    ...objects.map((object, index) => [object, sources.inputs[index] ?? object] as const),
    [executable, "the application"],
  ]);
  const bitcode = (await Promise.all(sources.inputs.map(bitcodeIn))).flat();
  await run(linkCommand(compiler, objects, sources, executable), {
    explain: (outcome) => explainLink(outcome, names, bitcode),
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
      ...(sources.linkFlags.includes("-static-pie") ? [] : ["-static", "-no-pie"]),
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

/** Turns ld's complaint into ours. The names of temporary files become those of the user's. */
function explainLink(
  outcome: Outcome,
  names: ReadonlyMap<string, string>,
  bitcode: readonly string[],
): UklError {
  // GNU ld passes over such members without a word.
  if (bitcode.length > 0) return withoutCode(bitcode);
  let text = outcome.stderr;
  for (const [path, name] of names) text = text.replaceAll(path, name);
  const { code, what, causes, fix } = diagnoseLink(outcome.stderr, names);
  return new UklError(code, { what, cause: causes.slice(0, 20).join("\n") || lastLines(text), fix });
}

/** The objects and members of archives that are LLVM bitcode, as the user calls them. */
async function bitcodeIn(input: string): Promise<readonly string[]> {
  const extension = extname(input);
  if (extension !== ".o" && extension !== ".a") return [];
  try {
    const bytes = await readInput(input);
    if (isBitcode(bytes)) return [input];
    if (identifyInput(bytes) !== "archive") return [];
    const { members } = readArchive(bytes, input);
    return members.filter((member) => isBitcode(member.bytes)).map(({ name }) => `${input}(${name})`);
  } catch (error) {
    // What cannot be read is for the linker to say.
    if (error instanceof UklError) return [];
    throw error;
  }
}

function withoutCode(bitcode: readonly string[]): UklError {
  return new UklError("UKL-210", {
    what: `${bitcode[0]} has no machine code`,
    cause: `LLVM bitcode of clang -flto, which GNU ld does not read: ${bitcode.join(", ")}`,
    fix: "compile it without -flto, or link with --cc clang --ldflag -fuse-ld=lld",
  });
}

interface LinkDiagnosis {
  readonly code: "UKL-220" | "UKL-221" | "UKL-222" | "UKL-224";
  readonly what: string;
  readonly causes: readonly string[];
  readonly fix: string;
}

/** Reads GNU ld's messages; pure, for the tests. `names` are what to call the objects of these paths. */
export function diagnoseLink(text: string, names: ReadonlyMap<string, string>): LinkDiagnosis {
  const complaints = readComplaints(text, names);
  const wanted = complaints.filter(({ definedIn }) => definedIn === undefined);
  if (wanted.length > 0) {
    const count = new Set(wanted.map(({ symbol }) => symbol)).size;
    return {
      code: "UKL-220",
      what: count === 1 ? "a symbol is undefined" : `${count} symbols are undefined`,
      causes: distinct(wanted.map(({ symbol, object }) => `'${symbol}' is wanted by ${object}`)),
      fix: "add the library that defines it with -l, or name it with --kernel-symbol where the kernel's is meant",
    };
  }
  if (complaints.length > 0) {
    return {
      code: "UKL-221",
      what: "a symbol is defined more than once",
      causes: complaints.map(
        ({ symbol, object, definedIn }) => `'${symbol}' is defined in ${definedIn} and again in ${object}`,
      ),
      fix: "leave one of the inputs out, or make one of the definitions static",
    };
  }
  const libraries = [...text.matchAll(/ld: cannot find (-l\S+?|\S+?)(?::|$)/gm)];
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

/** A symbol that an object wants and nobody has or, with `definedIn`, that both define. */
interface Complaint {
  readonly symbol: string;
  readonly object: string;
  readonly definedIn?: string;
}

/**
 * Two lines belong together: "OBJECT: in function `f':" and "SOURCE:(.text+0x1): undefined reference to `s'",
 * and the first is left out while the function is the same. Outside of functions it is "OBJECT:(.data+0x0): ...".
 */
function readComplaints(text: string, names: ReadonlyMap<string, string>): readonly Complaint[] {
  const complaints: Complaint[] = [];
  let object = "";
  for (const line of text.split("\n")) {
    const message = line.replace(/^\S*ld: /, "");
    object = /^(.+): in function `/.exec(message)?.[1] ?? object;
    const complaint = /(?:undefined reference to|multiple definition of) `(.+?)'(?:; (.+?): ?.*)?$/.exec(
      message,
    );
    if (complaint?.[1] === undefined) continue;
    const own = /^(.+?(?:\.o|\.a\(.+?\))):/.exec(message.slice(0, complaint.index))?.[1];
    const place = objectName(own ?? object, names);
    const [, symbol, first] = complaint;
    if (first === undefined) complaints.push({ symbol, object: place });
    else complaints.push({ symbol, object: place, definedIn: objectName(first, names) });
  }
  return complaints;
}

/** What the user calls an object of the link, or a member of an archive. */
function objectName(path: string, names: ReadonlyMap<string, string>): string {
  for (const [known, name] of names) if (path.startsWith(known)) return name + path.slice(known.length);
  // The compiler's own temporary objects, which are all that is left of their inputs.
  return /\.lto\.o$|\.ltrans\.o$/.test(path) ? "code optimised at link time" : basename(path);
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

function unknownInput(input: string): UklError {
  return new UklError("UKL-210", {
    what: `${input} is not an input of a build`,
    cause: `its name ends in '${extname(input)}'`,
    fix: "give sources (.c .cc .cpp .cxx .S .s), objects (.o), archives (.a), or one static executable",
  });
}
