// SPDX-License-Identifier: MIT
/** The root file system of an image: what is in it before the application's own file. */
import { dirname } from "node:path/posix";
import type { Owner } from "../host/file-view.js";
import { encodeName } from "../host/names.js";
import type { ArchiveEntry } from "./cpio.js";
import { type Attributes, emptyTree, type RootDirectory, type Tree } from "./host-tree.js";
import { type Surroundings, skeletonOf } from "./skeleton.js";
import { stringsOf } from "./strings.js";

export interface RootFile {
  /** Absolute, without . or .. components. */
  readonly path: string;
  readonly permissions: number;
  /** Root, unless it says otherwise. */
  readonly owner?: Owner;
  /** When it was last changed, in seconds since 1970. */
  readonly modified?: number | undefined;
  readonly data: Uint8Array;
  /** Where it was read on this machine. */
  readonly source?: string;
  /** Of a package: what it mentions says nothing of what the application does. */
  readonly isData?: true;
}

/** What init starts. */
export interface LaunchedProcess {
  /** By which the application is executed. */
  readonly path: string;
  /** From argv[0] on, what stays in front of the arguments: a script, or a container's entrypoint. */
  readonly leading: readonly string[];
  readonly args: readonly string[];
  /** Over the usual one. */
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory?: string | undefined;
  readonly user?: ProcessUser | undefined;
  /** What asks it to end, where that is not SIGTERM. */
  readonly stopSignal?: number | undefined;
  /** Where all accounts are the image's own. */
  readonly accounts?: "own";
}

export interface ProcessUser extends Owner {
  /** Beside the one above. */
  readonly groups: readonly number[];
}

/** As of mount(2). */
export interface Mount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly isReadOnly: boolean;
  readonly options: string;
}

export interface RootContents {
  readonly init: Uint8Array;
  readonly process: LaunchedProcess;
  /** Where the application's file is: where it is executed, but for symbolic links. */
  readonly guestFile: string;
  readonly files: readonly RootFile[];
  /** What the application finds in the places where its host has it. */
  readonly tree?: Tree | undefined;
  /** Bare where nobody says. */
  readonly surroundings?: Surroundings;
  /** Of files and directories, by path; those of the tree where nobody says. */
  readonly attributes?: ReadonlyMap<string, Attributes>;
}

/** What a program finds in its environment unless the configuration says otherwise. */
export const defaultEnvironment: Readonly<Record<string, string>> = {
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  TERM: "linux",
};

/** Documentation/admin-guide/devices.txt; enough where the kernel has no devtmpfs. */
const devices: readonly (readonly [path: string, permissions: number, major: number, minor: number])[] = [
  ["/dev/console", 0o600, 5, 1],
  ["/dev/full", 0o666, 1, 7],
  ["/dev/null", 0o666, 1, 3],
  ["/dev/random", 0o666, 1, 8],
  ["/dev/tty", 0o666, 5, 0],
  ["/dev/urandom", 0o666, 1, 9],
  ["/dev/zero", 0o666, 1, 5],
  // By which init gets the program's standard streams: drivers/char/guest_streams.c in kernel/patches.
  ["/ukl/streams", 0o600, 240, 0],
];

const root: Owner = { uid: 0, gid: 0 };
const plainDirectory: RootDirectory = { permissions: 0o755, owner: root };

/** In an order in which each directory comes before what is in it. */
export function rootEntries(contents: RootContents): readonly ArchiveEntry[] {
  const { process, guestFile, tree = emptyTree, surroundings = "bare" } = contents;
  const { attributes = tree.attributes } = contents;
  const files: RootFile[] = [
    { path: "/init", permissions: 0o755, data: contents.init },
    ...launchFiles(process),
    // The dispatch writes into it which masked calls were tried (syscall-stubs/x86_64/dispatch.c).
    { path: "/ukl/masked", permissions: 0o444, data: new Uint8Array() },
    ...(attributes.size === 0 ? [] : [attributesFile(attributes)]),
    ...contents.files,
  ];
  const named = new Set(files.map(({ path }) => path));
  files.push(...[...tree.files.values()].filter(({ path }) => !named.has(path)));
  const paths = [
    guestFile,
    ...[tree.directories, tree.links, tree.specials].flatMap((map) => [...map.keys()]),
    ...files.map(({ path }) => path),
  ];
  const skeleton = skeletonOf(surroundings, paths);
  const directories = new Map([...skeleton.directories, ...tree.directories]);
  const links = new Map([...skeleton.links, ...tree.links]);
  // As with Docker, it is made where it is absent.
  const { workingDirectory } = process;
  const wanted =
    workingDirectory === undefined || links.has(workingDirectory) ? [] : [`${workingDirectory}/.`];
  for (const path of [...paths, ...wanted]) {
    for (const parent of parents(path)) if (!directories.has(parent)) directories.set(parent, plainDirectory);
  }
  for (const path of links.keys()) directories.delete(path);
  if (surroundings === "bare") directories.delete("/");
  return [
    ...[...directories]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([path, directory]): ArchiveEntry => ({ kind: "directory", path, ...directory })),
    ...[...links].map(
      ([path, target]): ArchiveEntry => ({
        ...{ kind: "symlink", path, target, modified: tree.linkTimes.get(path) },
      }),
    ),
    ...devices.map(
      ([path, permissions, major, minor]): ArchiveEntry => ({
        kind: "characterDevice",
        path,
        permissions,
        major,
        minor,
      }),
    ),
    ...[...tree.specials].map(([path, special]): ArchiveEntry => ({ path, ...special })),
    ...files.map(
      ({ path, permissions, owner, modified, data }): ArchiveEntry => ({
        ...{ kind: "file", path, permissions, owner, modified, data },
      }),
    ),
  ];
}

/** The files that init reads (syscall-stubs/x86_64/init/init.c); an initrd with the same names replaces them. */
export function launchFiles(process: LaunchedProcess): readonly RootFile[] {
  const { path, leading, args, workingDirectory = "/", user } = process;
  const environment = { ...defaultEnvironment, ...process.environment };
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const { uid, gid, groups } = user ?? { ...root, groups: [] };
  return [
    { path: "/ukl/exec", permissions: 0o644, data: stringsOf([path, ...leading, ...args]) },
    { path: "/ukl/environ", permissions: 0o644, data: stringsOf(variables) },
    {
      path: "/ukl/process",
      permissions: 0o644,
      data: stringsOf([workingDirectory, ...[uid, gid, ...groups].map(String)]),
    },
  ];
}

/** The file that says which attributes init sets (syscall-stubs/x86_64/init/attributes.c). */
function attributesFile(attributes: ReadonlyMap<string, Attributes>): RootFile {
  const fields = [...attributes].flatMap(([path, own]) =>
    [...own].flatMap(([name, value]) => [
      ...[encodeName(`${path}\0`), Buffer.from(`${name}\0${value.length}\0`), value],
    ]),
  );
  return { path: "/ukl/attributes", permissions: 0o644, data: Buffer.concat(fields) };
}

/** The file that says what init mounts (syscall-stubs/x86_64/init/mounts.c), in that order. */
export function mountsFile(mounts: readonly Mount[]): RootFile {
  const fields = mounts.flatMap(({ type, source, target, isReadOnly, options }) => [
    ...[type, source, target, isReadOnly ? "ro" : "rw", options],
  ]);
  return { path: "/ukl/mounts", permissions: 0o644, data: stringsOf(fields) };
}

/** The directories above a path, outermost first. */
export function parents(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === "/" || parent === "." ? [] : [...parents(parent), parent];
}
