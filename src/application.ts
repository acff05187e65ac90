// SPDX-License-Identifier: MIT
/** The application of a build: its inputs, its link into one executable, its name. */
import { realpath } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import type { ResolvedConfiguration } from "./config/schema.js";
import { type ElfFile, parseElf } from "./elf/file.js";
import { UklError } from "./errors.js";
import { readInput, sha256 } from "./host/files.js";
import { linkApplication } from "./link/application.js";
import { kernelMap } from "./link/script.js";
import type { Manifest } from "./manifest.js";
import { compileCallEntry } from "./stubs/compile.js";

export interface Inputs {
  /** What messages call the application. */
  readonly path: string;
  readonly digests: Manifest["inputs"];
}

export async function readInputs(configuration: ResolvedConfiguration): Promise<Inputs> {
  const paths = configuration.inputs ?? [programOf(configuration)];
  const digests = await Promise.all(
    paths.map(async (path) => ({ name: basename(path), sha256: sha256(await readInput(path)) })),
  );
  return { path: paths.join(" "), digests };
}

export interface LinkedApplication {
  readonly path: string;
  readonly application: ElfFile;
}

/** The executable: the user's own, or a static one linked from the inputs. Throws UKL-202 to UKL-224. */
export async function linkedApplication(
  configuration: ResolvedConfiguration,
  inputs: Inputs,
  kernelSymbols: ReadonlyMap<string, bigint>,
  scratch: string,
): Promise<LinkedApplication> {
  const path = configuration.inputs === undefined ? programOf(configuration) : await link();
  return { path, application: checkApplication(parseElf(await readInput(path), inputs.path)) };

  async function link(): Promise<string> {
    const { compiler, libraries, libraryPaths, compileFlags, linkFlags } = configuration;
    const callsStub = configuration.kernel.symbols.includes(callEntry) && !kernelSymbols.has(callEntry);
    const extraObjects = callsStub ? [await compileCallEntry()] : [];
    const flags = { compiler, libraries, libraryPaths, compileFlags, linkFlags };
    return linkApplication(
      { inputs: configuration.inputs ?? [], ...flags, extraObjects, kernelSymbols },
      scratch,
    );
  }
}

/** Throws UKL-210 unless the file is a program. */
function checkApplication(application: ElfFile): ElfFile {
  const { linkage, path } = application;
  if (linkage !== "relocatable" && linkage !== "shared-library") return application;
  throw new UklError("UKL-210", {
    what: `${path} is not a program`,
    cause:
      linkage === "relocatable" ? "it is an object that is not linked yet" : `it is linked as ${linkage}`,
    fix: "give an executable, or its sources, objects and archives",
  });
}

/** The system call by function call. In ring 0 it is the kernel's, in ring 3 an object of ours. */
const callEntry = "ukl_syscall";

/**
 * Kernel symbols for an application that is linked before there is a kernel, to look at what it calls. The call entry
 * is not among them: our own object shows which numbers it is given.
 */
export function somewhere(names: readonly string[]): ReadonlyMap<string, bigint> {
  return new Map(names.filter((name) => name !== callEntry).map((name) => [name, kernelMap]));
}

export function kernelSymbolNames({ kernel, mode }: ResolvedConfiguration): readonly string[] {
  return mode === "classic" ? kernel.symbols.filter((name) => name !== callEntry) : kernel.symbols;
}

/** Where the application is in the guest. */
export interface GuestPlace {
  /** By which it is executed: programs with several names go by that. */
  readonly path: string;
  /** Without symbolic links. */
  readonly file: string;
}

/** A dynamic program stays where it is: it may look for its files from there. Others are at `/bin/<name>`. */
export async function guestPlaceOf(
  configuration: ResolvedConfiguration,
  { interpreter }: ElfFile,
): Promise<GuestPlace> {
  const path = `/bin/${imageName(configuration)}`;
  if (interpreter === undefined) return { path, file: path };
  const program = resolve(programOf(configuration));
  return { path: program, file: await realpath(program) };
}

/** The name of the image and of the application in the guest. */
export function imageName(configuration: ResolvedConfiguration): string {
  if (configuration.name !== undefined) return configuration.name;
  const first = configuration.inputs?.[0] ?? programOf(configuration);
  const extension = extname(first);
  return basename(first, configuration.inputs === undefined ? undefined : extension);
}

function programOf({ program }: ResolvedConfiguration): string {
  if (program !== undefined) return program;
  throw new UklError("UKL-101", {
    what: "there is nothing to build",
    cause: "neither the command line nor the configuration names a target",
    fix: "name sources, objects, archives or an executable",
  });
}
