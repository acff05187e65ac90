// SPDX-License-Identifier: MIT
/**
 * An object or archive as a program: linked, in memory, with what the compiler's own link of it would add, and
 * laid out like a static executable, which the passes of an inspection then read as they read any other.
 */
import { basename } from "node:path";
import { identifyInput, isBitcode } from "../../elf/identify.js";
import { sha256 } from "../../host/files.js";
import type { LoadedObject } from "../loaded-object.js";
import type { Inspection } from "../schema.js";
import { upperBound } from "../sorted.js";
import { Addresses } from "./addresses.js";
import { describeArchives } from "./archives.js";
import { exportedFunctions } from "./exported.js";
import { type OpenInput, openArchive, openInputs, openObject } from "./inputs.js";
import { askForLinkLine } from "./link-line.js";
import { describeLinkedFile } from "./linked-file.js";
import { type Placement, placeProgram } from "./placement.js";
import { relocateProgram } from "./relocate.js";
import { type Program, resolveProgram } from "./resolve.js";
import type { Unit } from "./unit.js";

export interface LinkOptions {
  /** Undefined for the one that suits the object. */
  readonly compiler?: string;
  readonly libraries?: readonly string[];
  readonly libraryPaths?: readonly string[];
}

/** A program made of objects, in the terms of an inspection. */
export interface LinkedObjects {
  readonly objects: readonly LoadedObject[];
  readonly missing: Inspection["missingLibraries"];
  readonly target: Inspection["target"];
  readonly archives: readonly Inspection["libraries"][number][];
  readonly undefinedSymbols: Inspection["undefinedSymbols"];
}

/** Undefined for a file that is neither an object nor an archive. Throws UKL-201 to UKL-211, UKL-401, UKL-404. */
export async function linkObjects(
  bytes: Buffer,
  path: string,
  options: LinkOptions,
): Promise<LinkedObjects | undefined> {
  const name = basename(path);
  const target = await openTarget(bytes, path);
  if (target === undefined) return undefined;
  const link = await openLink(target, path, options);
  const program = resolveProgram(link.inputs, target, link.idle);
  const placement = placeProgram(program);
  const addresses = new Addresses(program, placement);
  const image = relocateProgram(placement, addresses);
  const exported =
    startOf(target) === "none" ? exportedFunctions(ownUnits(target, program, path), placement) : undefined;
  const file = describeLinkedFile({ path, program, placement, addresses, image, exported });
  const object: LoadedObject = {
    path,
    name,
    file,
    sizeBytes: bytes.length,
    reason: "program",
    soname: undefined,
    needed: [],
    placeOf: placeFinder(placement),
  };
  return {
    objects: [object],
    missing: link.missing.map((library) => ({ name: library, neededBy: name })),
    target: {
      path,
      sha256: sha256(bytes),
      kind: target.kind === "archive" ? "archive" : "object",
      arch: "x86-64",
      pie: false,
      stripped: false,
    },
    archives: describeArchives(program, path),
    undefinedSymbols: [...addresses.undefinedSymbols.values()],
  };
}

function ownUnits(target: OpenInput, { archives }: Program, path: string): readonly Unit[] {
  if (target.kind === "object") return [target.unit];
  return archives
    .filter((archive) => archive.path === path)
    .flatMap(({ members }) => members.map(({ unit }) => unit));
}

const ET_REL = 1;

async function openTarget(bytes: Buffer, path: string): Promise<OpenInput | undefined> {
  const kind = identifyInput(bytes);
  if (kind === "archive") return openArchive(bytes, path);
  return (kind === "elf" && bytes[16] === ET_REL) || isBitcode(bytes) ? openObject(bytes, path) : undefined;
}

/** The compiler's link of the target, in which the target is the value that is open already. */
async function openLink(target: OpenInput, path: string, options: LinkOptions) {
  const { compiler = suitableCompiler(target), libraries = [], libraryPaths = [] } = options;
  const line = await askForLinkLine({ compiler, path, libraries, libraryPaths });
  const before = await openInputs(line.before, line.directories);
  const behind = await openInputs(line.behind, line.directories);
  const start = startOf(target);
  const startFiles = before.inputs.filter(isStartFile);
  return {
    inputs: [
      ...before.inputs.filter((input) => start !== "own" || !isStartFile(input)),
      target,
      ...behind.inputs,
    ],
    missing: [...before.missing, ...behind.missing],
    // What starts a program wants its main.
    idle: new Set(start === "none" ? startFiles.map(({ unit }) => unit) : []),
  };
}

/** crt1.o, and its variants for other kinds of programs. */
function isStartFile(input: OpenInput): input is OpenInput & { kind: "object" } {
  return input.kind === "object" && input.unit.name.endsWith("crt1.o");
}

/** What starts the target: a program is started by libc or by itself, anything else is called. */
function startOf(target: OpenInput): "libc" | "own" | "none" {
  if (target.kind !== "object") return "none";
  if (defines(target, "_start")) return "own";
  return defines(target, "main") ? "libc" : "none";
}

function defines(target: OpenInput & { kind: "object" }, name: string): boolean {
  return target.unit.file.symbols.some(
    (symbol) => symbol.binding !== "local" && symbol.section !== "undefined" && symbol.name === name,
  );
}

/** Only the compiler of C++ links its library. */
function suitableCompiler(target: OpenInput): string {
  return namesOf(target).some((name) => /^(?:_Z|__gxx_|DW\.ref\.__gxx_)/.test(name)) ? "g++" : "gcc";
}

function namesOf(target: OpenInput): readonly string[] {
  if (target.kind === "archive") return target.archive.symbols.map(({ name }) => name);
  return target.kind === "object" ? target.unit.file.symbols.map(({ name }) => name) : [];
}

function placeFinder({ sections }: Placement): NonNullable<LoadedObject["placeOf"]> {
  const starts = Float64Array.from(sections, ({ address }) => address);
  return (address) => {
    const placed = sections[upperBound(starts, address) - 1];
    if (placed === undefined || address >= placed.address + placed.section.size) return undefined;
    return { library: placed.unit.name, offset: address - placed.address };
  };
}
