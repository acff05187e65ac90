// SPDX-License-Identifier: MIT
/** The application of a build: its inputs, its link into one executable, its name. */
import { basename, extname } from "node:path";
import type { ResolvedConfiguration } from "./config/schema.js";
import { checkExecutable } from "./elf/executable.js";
import { type ElfFile, parseElf } from "./elf/file.js";
import { UklError } from "./errors.js";
import { isOfTheSystem, readAccounts } from "./host/accounts.js";
import { type FileView, hostView } from "./host/file-view.js";
import { readInput, sha256 } from "./host/files.js";
import { linkApplication } from "./link/application.js";
import { kernelMap } from "./link/script.js";
import type { Manifest } from "./manifest.js";
import { defaultEnvironment, type LaunchedProcess } from "./rootfs/root.js";
import { compileCallEntry } from "./stubs/compile.js";
import { type Target, targetName } from "./target.js";
import { unknownUser, userOf } from "./targets/user.js";

export interface Inputs {
  /** What messages call the application. */
  readonly path: string;
  readonly digests: Manifest["inputs"];
}

export async function readInputs(
  { inputs }: ResolvedConfiguration,
  target: Target | undefined,
): Promise<Inputs> {
  const paths = inputs ?? [];
  const read =
    target === undefined ? paths : [...target.scripts, target.path].map((path) => target.view.locate(path));
  const names = target === undefined ? paths : [...target.scripts, target.path];
  const digests = await Promise.all(
    read.map(async (path, index) => ({
      name: basename(names[index] ?? path),
      sha256: sha256(await readInput(path)),
    })),
  );
  return { path: target?.name ?? paths.join(" "), digests };
}

export interface LinkedApplication {
  readonly path: string;
  readonly application: ElfFile;
}

/** The executable: the user's own, or a static one linked from the inputs. Throws UKL-202 to UKL-224. */
export async function linkedApplication(
  configuration: ResolvedConfiguration,
  { inputs, target }: { readonly inputs: Inputs; readonly target: Target | undefined },
  kernelSymbols: ReadonlyMap<string, bigint>,
  scratch: string,
): Promise<LinkedApplication> {
  const path = target?.path ?? (await link());
  const bytes = await readInput(target?.view.locate(path) ?? path);
  return { path, application: checkApplication(parseElf(bytes, inputs.path)) };

  async function link(): Promise<string> {
    const { compiler, libraries, libraryPaths, compileFlags, linkFlags } = configuration;
    const callsStub = configuration.kernel.symbols.includes(callEntry) && !kernelSymbols.has(callEntry);
    const extraObjects = callsStub ? [await compileCallEntry()] : [];
    const flags = { compiler, libraries, libraryPaths, compileFlags, linkFlags };
    return linkApplication(
      {
        inputs: configuration.inputs ?? [],
        name: imageName(configuration),
        ...flags,
        extraObjects,
        kernelSymbols,
      },
      scratch,
    );
  }
}

/** Throws UKL-203 to UKL-210 unless the file is a program that Linux executes. */
function checkApplication(application: ElfFile): ElfFile {
  if (application.kind !== "relocatable") checkExecutable(application);
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

/**
 * A program that has files beside it stays where it is: it may look for them from there. One that is alone, or was
 * linked just now, is at `/bin/<name>`.
 */
export function guestPlaceOf(
  configuration: ResolvedConfiguration,
  { interpreter }: ElfFile,
  target: Target | undefined,
): GuestPlace {
  const path = `/bin/${imageName(configuration)}`;
  const isAlone = interpreter === undefined && !target?.isWhole && !target?.scripts.length;
  return target === undefined || isAlone ? { path, file: path } : { path: target.path, file: target.file };
}

/**
 * The user's arguments stand for those that a container has by default, and the environment adds to its own. Throws
 * UKL-114.
 */
export function launchedProcess(
  { args, env, user, workingDirectory }: ResolvedConfiguration,
  path: string,
  target: Target | undefined,
): LaunchedProcess {
  const leading = target !== undefined && path === target.path ? target.argv : [path];
  const view = target?.view ?? hostView;
  const chosen = user === undefined ? target?.process.user : userOf(view, user, unknownUser);
  const home = homeOf(view, chosen?.uid ?? 0, target?.isWhole === true);
  return {
    path,
    leading,
    args: args.length > 0 ? args : (target?.defaultArgs ?? []),
    ...target?.process,
    ...(workingDirectory === undefined ? {} : { workingDirectory }),
    ...(target?.isWhole ? { accounts: "own" as const } : {}),
    environment: {
      ...(home === defaultEnvironment["HOME"] ? {} : { HOME: home }),
      ...target?.process.environment,
      ...env,
    },
    ...(chosen === undefined ? {} : { user: chosen }),
  };
}

/** As Docker and systemd set it: whom no account is known of has the root directory. So have people of this machine. */
function homeOf(view: FileView, uid: number, isWhole: boolean): string {
  const isKnown = isWhole || isOfTheSystem(uid);
  const account = isKnown ? readAccounts(view, "user").find(({ id }) => id === uid) : undefined;
  const [, , home = ""] = account?.further ?? [];
  if (home.startsWith("/")) return home;
  return uid === 0 ? "/root" : "/";
}

/** The name of the image and of the application in the guest. */
export function imageName(configuration: ResolvedConfiguration): string {
  if (configuration.name !== undefined) return configuration.name;
  const [first] = configuration.inputs ?? [];
  return first === undefined ? targetName(configuration) : basename(first, extname(first));
}
