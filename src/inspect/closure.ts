// SPDX-License-Identifier: MIT
/**
 * The files that a program consists of when it runs: itself, its interpreter, and every library that the
 * loader maps before `main`, found as glibc's or musl's loader finds them.
 *
 * All that is read is untrusted. A library that the loader would refuse is missing; how many files a
 * search may touch is limited, because names times directories can be made absurdly many.
 */
import { dirname, resolve } from "node:path";
import { malformed } from "../elf/malformed.js";
import { type FileView, hostView, resolveIn } from "../host/file-view.js";
import { readInput } from "../host/files.js";
import { readSystemSearch } from "./ld-cache.js";
import {
  identify,
  type LoadedObject,
  type LoadReason,
  openLibrary,
  openProgram,
  type Unusable,
} from "./loaded-object.js";
import { candidatePaths, type Requester, requester, type SystemSearch } from "./search-path.js";

export type { LoadedObject } from "./loaded-object.js";

interface Missing {
  readonly name: string;
  /** The name of an object. */
  readonly neededBy: string;
}

/** What a program consists of, however that was found. */
export interface Constituents {
  /** Breadth first from the program. The interpreter is the last one, unless an object needs it earlier. */
  readonly objects: readonly LoadedObject[];
  /** Not found, or found and refused by the loader; once for each object that needs it. */
  readonly missing: readonly Missing[];
  /** What the loader knows, where there is one. */
  readonly loader?: LoaderState;
}

export interface Closure extends Constituents {
  /** For `extendClosure`. */
  readonly loader: LoaderState;
}

export interface ClosureOptions {
  /** The directories of LD_LIBRARY_PATH. */
  readonly libraryPath?: readonly string[];
  /** Of the program, where they were read already. */
  readonly bytes?: Buffer;
  /** Where the program and its libraries are; this machine by default. */
  readonly view?: FileView;
}

interface LoaderState {
  readonly system: SystemSearch;
  readonly requesters: readonly Requester[];
  /** Index by every name an object has been asked by, and by its soname. */
  readonly byName: ReadonlyMap<string, number>;
  /** Index by device and inode; a string for a file that cannot be used. */
  readonly byFile: ReadonlyMap<string, number | Unusable>;
}

const probeLimit = 200_000;
const DF_1_NODEFLIB = 0x800n;
const muslInterpreter = "/lib/ld-musl-x86_64.so.1";
/** The names under which musl's loader is also every library of libc (`reserved` in ldso/dynlink.c). */
const muslSelf = /^lib(?:c|pthread|rt|m|dl|util|xnet)\./;

/** Loads what the program at `path` consists of. Throws UKL-201 to UKL-210 about the program itself. */
export async function loadClosure(path: string, options: ClosureOptions = {}): Promise<Closure> {
  const { view = hostView } = options;
  const program = openProgram(options.bytes ?? (await readInput(view.locate(path))), path);
  const system = await readSystemSearch(libcOf(program), options.libraryPath ?? [], view);
  const loading = new Loading({ system, requesters: [], byName: new Map(), byFile: new Map() }, [], []);
  await loading.addProgram(program);
  await loading.addNeeded(0);
  loading.addInterpreter();
  return loading.closure();
}

/**
 * Adds objects that are loaded later, with what they need, behind the others: indices stay valid. The search
 * path of the object that asks for them counts: libc opens its own modules.
 */
export async function extendClosure(
  closure: Closure,
  names: readonly string[],
  reason: "nss" | "gconv" | "dlopen",
  by: number = reason === "dlopen" ? 0 : indexOfLibc(closure),
): Promise<Closure> {
  const loading = new Loading(closure.loader, closure.objects, closure.missing);
  const first = closure.objects.length;
  for (const name of names) await loading.need(name, by, reason);
  await loading.addNeeded(first);
  return loading.closure();
}

function indexOfLibc({ objects }: Closure): number {
  return Math.max(
    objects.findIndex(({ soname }) => soname === "libc.so.6"),
    0,
  );
}

/** A closure in the making. */
class Loading {
  readonly #system: SystemSearch;
  readonly #objects: LoadedObject[];
  /** By needer and name, for each pair is told once. */
  readonly #missing: Map<string, Missing>;
  readonly #requesters: Requester[];
  readonly #byName: Map<string, number>;
  readonly #byFile: Map<string, number | Unusable>;
  /** The interpreter, until its place among the objects is known. */
  #waiting: { readonly object: LoadedObject; readonly id: string } | undefined;
  #probesLeft = probeLimit;

  constructor(state: LoaderState, objects: Closure["objects"], missing: Closure["missing"]) {
    this.#system = state.system;
    this.#objects = [...objects];
    this.#missing = new Map();
    for (const { name, neededBy } of missing) this.#miss(name, neededBy);
    this.#requesters = [...state.requesters];
    this.#byName = new Map(state.byName);
    this.#byFile = new Map(state.byFile);
  }

  closure(): Closure {
    const loader = {
      system: this.#system,
      requesters: this.#requesters,
      byName: this.#byName,
      byFile: this.#byFile,
    };
    return { objects: this.#objects, missing: [...this.#missing.values()], loader };
  }

  async addProgram(program: LoadedObject): Promise<void> {
    const { view } = this.#system;
    const real = resolveIn(view, resolve(program.path))?.path ?? program.path;
    this.#add(program, identify(view.locate(real))?.id ?? "", dirname(real));
    const path = program.file.interpreter ?? (this.#system.libc === "musl" ? muslInterpreter : undefined);
    if (path === undefined) return;
    const location = view.locate(path);
    const identity = identify(location);
    const object = identity?.isFile ? await openLibrary(path, "interpreter", location) : "refused";
    if (typeof object !== "string") this.#waiting = { object, id: identity?.id ?? "" };
    else if (startsAlone(program)) this.#miss(path, program.name);
  }

  /** The needs of the objects from an index on, and of all that they bring: breadth first. */
  async addNeeded(first: number): Promise<void> {
    for (let index = first; index < this.#objects.length; index++) {
      const { needed = [], reason } = this.#objects[index] ?? {};
      const inherited = reason === "nss" || reason === "gconv" || reason === "dlopen" ? reason : "needed";
      for (const name of new Set(needed)) await this.need(name, index, inherited);
    }
  }

  /** Puts the interpreter last, when nothing has needed it. A library as target has none of its own. */
  addInterpreter(): void {
    const program = this.#objects[0];
    if (this.#waiting !== undefined && program !== undefined && startsAlone(program)) {
      this.#add(this.#waiting.object, this.#waiting.id);
    }
    this.#waiting = undefined;
  }

  /** Loads what `by` calls `name`, unless an object of that name is there. */
  async need(name: string, by: number, reason: LoadReason): Promise<void> {
    const index = this.#known(name, by) ?? (await this.#search(name, by, reason));
    if (index === undefined) this.#miss(name, this.#objects[by]?.name ?? "");
    else this.#noteNeed(name, index, by);
  }

  #known(name: string, by: number): number | undefined {
    const interpreter = this.#waiting?.object;
    if (this.#system.libc === "musl" && muslSelf.test(name)) {
      const placed = this.#objects.findIndex(({ reason }) => reason === "interpreter");
      return placed < 0 ? this.#placeInterpreter(by) : placed;
    }
    const isWaiting = interpreter && (name === interpreter.path || name === interpreter.soname);
    return isWaiting ? this.#placeInterpreter(by) : this.#byName.get(name);
  }

  async #search(name: string, by: number, reason: LoadReason): Promise<number | undefined> {
    const asking = this.#requesters[by];
    if (asking === undefined) return undefined;
    for (const path of candidatePaths(name, asking, this.#system)) {
      const found = await this.#open(path, by, reason);
      if (found === "refused") return undefined;
      if (typeof found === "number") return found;
    }
    return undefined;
  }

  async #open(path: string, by: number, reason: LoadReason): Promise<number | Unusable | undefined> {
    if (--this.#probesLeft < 0) throw tooMany(this.#objects[0]?.path ?? path);
    const location = this.#system.view.locate(path);
    const identity = identify(location);
    if (identity === undefined) return undefined;
    if (identity.id === this.#waiting?.id) return this.#placeInterpreter(by);
    const known = this.#byFile.get(identity.id);
    if (known !== undefined) return known;
    const object = identity.isFile ? await openLibrary(path, reason, location) : "refused";
    if (typeof object !== "string") return this.#add({ ...object, neededBy: by }, identity.id);
    this.#byFile.set(identity.id, object);
    return object;
  }

  #placeInterpreter(by: number): number | undefined {
    if (this.#waiting === undefined) return undefined;
    const { object, id } = this.#waiting;
    this.#waiting = undefined;
    return this.#add({ ...object, neededBy: by }, id);
  }

  #add(object: LoadedObject, id: string, origin = originOf(object.path)): number {
    const { dynamic } = object.file;
    const facts = {
      origin,
      rpath: dynamic?.rpath,
      runpath: dynamic?.runpath,
      skipsDefaults: ((dynamic?.flags1 ?? 0n) & DF_1_NODEFLIB) !== 0n,
      loader: object.neededBy === undefined ? undefined : this.#requesters[object.neededBy],
    };
    const index = this.#objects.push(object) - 1;
    this.#requesters.push(requester(facts, this.#system.libc));
    this.#byFile.set(id, index);
    this.#name(object.path, index);
    // musl goes by the names that were asked for, and by the file.
    if (object.soname !== undefined && this.#system.libc === "glibc") this.#name(object.soname, index);
    return index;
  }

  /** An interpreter that nobody needed at start can be needed by what is loaded later. */
  #noteNeed(name: string, index: number, by: number): void {
    this.#name(name, index);
    const object = this.#objects[index];
    if (object?.reason !== "interpreter" || object.neededBy !== undefined) return;
    this.#objects[index] = { ...object, neededBy: by };
  }

  #miss(name: string, neededBy: string): void {
    this.#missing.set(`${neededBy}\0${name}`, { name, neededBy });
  }

  #name(name: string, index: number): void {
    if (!this.#byName.has(name)) this.#byName.set(name, index);
  }
}

/** A library has no interpreter to tell; then the name that its libc goes by does. */
function libcOf(program: LoadedObject): SystemSearch["libc"] {
  const path = program.file.interpreter;
  if (path !== undefined) return path.includes("/ld-musl-") ? "musl" : "glibc";
  return program.needed.some((name) => /^libc\.(?:so$|musl-)/.test(name)) ? "musl" : "glibc";
}

function startsAlone(program: LoadedObject): boolean {
  return program.file.linkage !== "shared-library";
}

/** Where a library was found, with no symbolic link resolved. */
function originOf(path: string): string {
  return dirname(path.startsWith("/") ? path : `${resolve()}/${path}`);
}

function tooMany(path: string): Error {
  return malformed("UKL-208", path, `more than ${probeLimit} files would have to be looked for`);
}
