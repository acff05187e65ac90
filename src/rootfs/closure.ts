// SPDX-License-Identifier: MIT
/** The files around a program: what it is started with and looks for, as its inspection and its package name them. */
import { basename, dirname, isAbsolute, join, resolve } from "node:path/posix";
import { UklError } from "../errors.js";
import { type FileView, resolveIn } from "../host/file-view.js";
import { accountFiles, accountNames } from "./accounts.js";
import { HostTree, type Tree } from "./host-tree.js";
import { directoriesOf, tmpfilesDirectory } from "./tmpfiles.js";
import { alphabetOf, namesAlone } from "./words.js";

/** What the inspection of a program says of files. */
export interface NamedFiles {
  readonly missingLibraries: readonly { readonly name: string; readonly neededBy: string }[];
  readonly libraries: readonly {
    readonly path: string;
    readonly reason: string;
    readonly soname?: string | undefined;
    readonly needed: readonly string[];
    /** Who loads it by its name. */
    readonly namedBy: readonly string[];
  }[];
  readonly files: readonly { readonly path: string; readonly kind: string }[];
}

/** Name services other than files and DNS are the host's; archives of locales are taken where one is set. */
const takenKinds = new Set(["certificates", "timezone", "configuration", "path", "nss"]);
/** What the kernel or a running system provides. */
const ofTheSystem = /^\/(?:proc|sys|dev|run|var\/run|tmp)(?:\/|$)/;
/** Chosen by name at run time, from far more than one program wants. */
const wholeDatabases = new Set(["/usr/share/zoneinfo/", "/usr/share/locale/"]);
const generated = new Set([
  ...["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/nsswitch.conf", "/etc/shadow", "/etc/gshadow"],
  ...["/etc/resolv.conf", "/etc/host.conf"],
]);

export interface TreeSource {
  readonly view: FileView;
  /** By which it is executed. */
  readonly program: string;
  readonly isDynamic: boolean;
  /** The program was moved to where nothing is beside it. */
  readonly isAlone: boolean;
  /** Searched for the names of accounts. */
  readonly programBytes: Uint8Array;
  /** Of those, what is asked for. */
  readonly accounts: readonly string[];
  readonly scripts: readonly string[];
  /** Of packages. */
  readonly data: readonly string[];
  /** Of essential packages. */
  readonly essentials: readonly string[];
  /** All of the view is taken, as it is. */
  readonly isWhole: boolean;
  /** Made where they are not there. */
  readonly directories: readonly string[];
}

/** What an application finds around it. Throws UKL-201 and UKL-225. */
export async function applicationTree(source: TreeSource, named: NamedFiles): Promise<Tree> {
  const { view, program, isDynamic, isAlone, scripts, data, isWhole, directories } = source;
  const [missing] = isDynamic ? named.missingLibraries : [];
  if (missing !== undefined) throw missingLibrary(missing, view);
  const tree = new HostTree(view, isWhole);
  if (isWhole) {
    await tree.add("/", Number.POSITIVE_INFINITY);
    for (const path of directories) tree.makeDirectory(path);
    return tree;
  }
  if (!isAlone) tree.addWay(program);
  for (const script of scripts) await tree.add(script);
  await addNamed(tree, named);
  for (const path of source.essentials) await tree.add(path);
  // Who looks up no names needs no accounts; but files of others may be in their hands.
  const looksUp =
    isDynamic || named.files.some(({ kind, path }) => kind === "nss" && path.startsWith("/etc/"));
  if (!looksUp) return tree;
  for (const path of data) {
    if (!tmpfilesDirectory.test(path)) await tree.addData(path);
    else for (const declared of await directoriesOf(view, path)) tree.declareDirectory(...declared);
  }
  await addAccounts(tree, source);
  return tree;
}

/** Programs, with the links that lead to them, what they read at their start, and the data of their packages. */
export async function programsTree(
  view: FileView,
  paths: readonly string[],
  data: readonly string[] = [],
): Promise<Tree> {
  const tree = new HostTree(view);
  for (const path of paths) await tree.add(path);
  for (const path of data) await tree.addData(path);
  if (paths.some((path) => path.endsWith("/ldconfig"))) await tree.add("/etc/ld.so.cache");
  return tree;
}

/** What programs beside the application are loaded with. */
export async function librariesTree(
  view: FileView,
  programs: readonly Pick<NamedFiles, "libraries">[],
): Promise<Tree> {
  const tree = new HostTree(view);
  for (const { libraries } of programs) await addLibraries(tree, libraries);
  return tree;
}

async function addLibraries(tree: HostTree, libraries: NamedFiles["libraries"]): Promise<void> {
  for (const { path } of takenLibraries(libraries)) {
    if (isAbsolute(path)) await tree.add(path);
    // The loader takes it from the working directory, which is / in a guest.
    else await tree.addAt(join("/", path), resolve(path));
  }
}

/** Modules of name services are the host's, and so is what they alone need. */
function takenLibraries(libraries: NamedFiles["libraries"]): NamedFiles["libraries"] {
  const taken = new Set(libraries.filter(({ reason }) => reason !== "nss"));
  for (const library of libraries) {
    if (library.namedBy.length > 0 && !/^libnss_/.test(basename(library.path))) taken.add(library);
  }
  // Grows while it is walked: what is taken brings what it needs.
  for (const { needed } of taken) {
    for (const library of libraries) {
      if (needed.includes(library.soname ?? "") || needed.includes(basename(library.path)))
        taken.add(library);
    }
  }
  return [...taken].filter(({ reason }) => reason !== "program");
}

async function addNamed(tree: HostTree, { libraries, files }: NamedFiles): Promise<void> {
  await addLibraries(tree, libraries);
  for (const { path, kind } of files) {
    if (
      !takenKinds.has(kind) ||
      ofTheSystem.test(path) ||
      wholeDatabases.has(`${path.replace(/\/+$/, "")}/`) ||
      generated.has(path)
    )
      continue;
    // What a program writes is not the host's to give; but the directory for it has to be there.
    if (path.startsWith("/var/")) tree.addDirectory(dirname(path));
    else if ((kind !== "path" && kind !== "nss") || /^\/(?:etc|usr\/share|usr\/lib)\/./.test(path))
      await tree.add(path);
  }
}

async function addAccounts(
  tree: HostTree,
  { programBytes, accounts }: Pick<TreeSource, "programBytes" | "accounts">,
): Promise<void> {
  const texts = [programBytes, ...[...tree.files.values()].filter(isText).map(({ data }) => data)];
  const known = new Set(accountNames());
  const named = new Set(texts.flatMap((text) => [...namesAlone(text, known, wordCharacters)]));
  const owned = [...tree.directories.values(), ...tree.files.values()];
  const ids = new Set(owned.flatMap(({ owner }) => (owner === undefined ? [] : [owner.uid, owner.gid])));
  const isWanted = (name: string, id: number) => ids.has(id) || accounts.includes(name) || named.has(name);
  const shell = tree.files.has("/bin/bash") || tree.files.has("/usr/bin/bash") ? "/bin/bash" : "/bin/sh";
  for (const file of accountFiles(isWanted, shell)) tree.files.set(file.path, file);
}

function missingLibrary(
  { name, neededBy }: NamedFiles["missingLibraries"][number],
  view: FileView,
): UklError {
  const hidden = hiddenLibrary(name, view);
  const cause = `${neededBy} needs it, and it is in none of the directories where the loader looks`;
  if (hidden === undefined) {
    const fix = "install the package that has it";
    return new UklError("UKL-225", { what: `the library ${name} is missing`, cause, fix });
  }
  return new UklError("UKL-225", {
    what: `the library ${name} is missing`,
    cause: `${cause}; ${hidden} is there, to which scripts of its package make a link (update-alternatives), and scripts of packages that are pulled do not run`,
    fix: "install the packages, or make the link in an image of a container",
  });
}

/** Where a package has a library that the system's administrator may choose another for. */
function hiddenLibrary(name: string, view: FileView): string | undefined {
  const paths = ["/usr/lib/x86_64-linux-gnu", "/usr/lib"].flatMap((directory) =>
    view.names(directory).map((each) => `${directory}/${each}/${name}`),
  );
  return paths.find((path) => resolveIn(view, path) !== undefined);
}

/** Of names of accounts (useradd(8)), and what else a word is made of. */
const wordCharacters = alphabetOf(/[\w-]/);

function isText({ path }: { readonly path: string }): boolean {
  return path.startsWith("/etc/");
}
