// SPDX-License-Identifier: MIT
/**
 * Where a dynamic loader looks for a library, in its order, without looking: ld.so(8) of glibc, and
 * ldso/dynlink.c of musl.
 */
import { once } from "../elf/lazy.js";
import type { FileView } from "../host/file-view.js";

/** An object that asks for a library. */
export interface Requester {
  /** What $ORIGIN stands for. */
  readonly origin: string;
  readonly rpath: string | undefined;
  readonly runpath: string | undefined;
  /** DF_1_NODEFLIB: the system's own directories are not for this object. */
  readonly skipsDefaults: boolean;
  /** Who asked for this object; undefined for the program. */
  readonly loader: Requester | undefined;
  /** The directories of `rpath` and of `runpath`, expanded. */
  readonly directories: () => { readonly rpath: readonly string[]; readonly runpath: readonly string[] };
}

/** What the machine says about libraries. */
export interface SystemSearch {
  /** Where all of it is. */
  readonly view: FileView;
  readonly libc: "glibc" | "musl";
  /** LD_LIBRARY_PATH. */
  readonly libraryPath: readonly string[];
  /** /etc/ld.so.cache; musl has none. */
  readonly cache: ReadonlyMap<string, string>;
  /** Searched last. */
  readonly directories: readonly string[];
}

export const glibcDirectories = [
  "/lib/x86_64-linux-gnu",
  "/usr/lib/x86_64-linux-gnu",
  "/lib64",
  "/usr/lib64",
  "/lib",
  "/usr/lib",
] as const;

export const muslDirectories = ["/lib", "/usr/local/lib", "/usr/lib"] as const;

/** PATH_MAX: a longer path cannot be opened. */
const pathLimitBytes = 4096;
/** $LIB is fixed when glibc is built: Debian's value, then that of the distributions with lib64. */
const libNames = ["lib/x86_64-linux-gnu", "lib64"] as const;
/** $PLATFORM is the processor's: glibc, sysdeps/x86/cpu-features.c, and the kernel's AT_PLATFORM for all others. */
const platformNames = ["haswell", "xeon_phi", "x86_64"] as const;
const token = /\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_]))/g;

export function requester(facts: Omit<Requester, "directories">, libc: SystemSearch["libc"]): Requester {
  const split = (list: string | undefined) => {
    if (!list) return [];
    if (libc === "musl") return expandForMusl(list, facts.origin);
    return list.split(":").flatMap((directory) => expandTokens(directory, facts.origin));
  };
  // Kept, because an object asks for many libraries and a list can be long.
  const directories = once(() => ({ rpath: split(facts.rpath), runpath: split(facts.runpath) }));
  return { ...facts, directories };
}

/** The paths at which a loader looks for `name`, in order. */
export function candidatePaths(name: string, by: Requester, system: SystemSearch): Iterable<string> {
  if (system.libc === "musl") return name.includes("/") ? [name] : muslCandidates(name, by, system);
  return name.includes("/") ? expandTokens(name, by.origin) : glibcCandidates(name, by, system);
}

/** DT_RPATH is inherited, DT_RUNPATH is not, and an object that has the latter does not use the former. */
function* glibcCandidates(name: string, by: Requester, system: SystemSearch): Generator<string> {
  if (by.runpath === undefined) {
    for (const object of chainOf(by)) {
      if (object.runpath === undefined) yield* inDirectories(object.directories().rpath, name);
    }
  }
  const { origin } = chainOf(by).at(-1) ?? by;
  yield* inDirectories(
    system.libraryPath.flatMap((directory) => expandTokens(directory, origin)),
    name,
  );
  yield* inDirectories(by.directories().runpath, name);
  const cached = system.cache.get(name);
  const isDefault = system.directories.some((directory) => cached === `${directory}/${name}`);
  if (cached !== undefined && !(by.skipsDefaults && isDefault)) yield cached;
  if (!by.skipsDefaults) yield* inDirectories(system.directories, name);
}

/** musl inherits both, and LD_LIBRARY_PATH comes before them. */
function* muslCandidates(name: string, by: Requester, system: SystemSearch): Generator<string> {
  yield* inDirectories(system.libraryPath, name);
  for (const object of chainOf(by)) {
    const { rpath, runpath } = object.directories();
    yield* inDirectories(object.runpath === undefined ? rpath : runpath, name);
  }
  yield* inDirectories(system.directories, name);
}

/** An object, who loaded it, and so on to the program. It ends: a loader is always there before what it loads. */
function chainOf(by: Requester): readonly Requester[] {
  const chain: Requester[] = [];
  for (let object: Requester | undefined = by; object !== undefined; object = object.loader) {
    chain.push(object);
  }
  return chain;
}

/** No path is normalised: `..` after a symbolic link is not where it seems. An empty entry is the working directory. */
function* inDirectories(directories: readonly string[], name: string): Generator<string> {
  for (const directory of directories) {
    const path = `${directory === "" ? "." : directory.replace(/\/+$/, "")}/${name}`;
    if (path.length < pathLimitBytes) yield path;
  }
}

/** One path, or as many as what is in it can stand for. */
function expandTokens(path: string, origin: string): readonly string[] {
  const expand = (lib: string, platform: string) =>
    path.replace(token, (_, braced?: string, bare?: string) => {
      const name = braced ?? bare;
      return name === "ORIGIN" ? origin : name === "LIB" ? lib : platform;
    });
  const expanded = libNames.flatMap((lib) => platformNames.map((platform) => expand(lib, platform)));
  return [...new Set(expanded)].filter((each) => each.length < pathLimitBytes);
}

/** musl knows $ORIGIN only, and drops a whole list that has another `$`. */
function expandForMusl(list: string, origin: string): readonly string[] {
  const expanded = list.replace(/\$(?:ORIGIN|\{ORIGIN\})/g, () => origin);
  return /\$(?!ORIGIN|\{ORIGIN\})/.test(list) ? [] : expanded.split(/[:\n]/);
}
