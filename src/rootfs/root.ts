// SPDX-License-Identifier: MIT
/** The root file system of an image: what is in it before the application's own file. */
import { dirname } from "node:path/posix";
import type { ArchiveEntry } from "./cpio.js";
import type { Tree } from "./host-tree.js";

export interface RootFile {
  /** Absolute, without . or .. components. */
  readonly path: string;
  readonly permissions: number;
  readonly data: Uint8Array;
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
  /** By which the application is executed. */
  readonly guestPath: string;
  /** Where its file is: the same, but for symbolic links. */
  readonly guestFile: string;
  /** argv[0] is the guest path; these follow it. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly files: readonly RootFile[];
  /** What the application finds in the places where its host has it. */
  readonly tree?: Tree | undefined;
}

/** What a program finds in its environment unless the configuration says otherwise. */
export const defaultEnvironment: Readonly<Record<string, string>> = {
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/",
  TERM: "linux",
};

const standardDirectories: Readonly<Record<string, number>> = {
  "/bin": 0o755,
  "/dev": 0o755,
  "/etc": 0o755,
  "/proc": 0o555,
  "/sys": 0o555,
  "/tmp": 0o1777,
  "/ukl": 0o755,
};

/** Documentation/admin-guide/devices.txt; enough where the kernel has no devtmpfs. */
const devices: readonly (readonly [name: string, permissions: number, major: number, minor: number])[] = [
  ["console", 0o600, 5, 1],
  ["full", 0o666, 1, 7],
  ["null", 0o666, 1, 3],
  ["random", 0o666, 1, 8],
  ["tty", 0o666, 5, 0],
  ["ttyS1", 0o600, 4, 65],
  ["urandom", 0o666, 1, 9],
  ["zero", 0o666, 1, 5],
];

const emptyTree: Tree = { links: new Map(), directories: new Map(), files: new Map() };

/** In an order in which each directory comes before what is in it. */
export function rootEntries(contents: RootContents): readonly ArchiveEntry[] {
  const { guestPath, guestFile, args, tree = emptyTree } = contents;
  const environment = { ...defaultEnvironment, ...contents.environment };
  const files: RootFile[] = [
    { path: "/init", permissions: 0o755, data: contents.init },
    ...launchFiles(guestPath, args, environment),
    // The dispatch writes into it which masked calls were tried (syscall-stubs/x86_64/dispatch.c).
    { path: "/ukl/masked", permissions: 0o444, data: new Uint8Array() },
    ...contents.files,
  ];
  const named = new Set(files.map(({ path }) => path));
  files.push(...[...tree.files.values()].filter(({ path }) => !named.has(path)));
  const directories = new Map([...tree.directories, ...Object.entries(standardDirectories)]);
  for (const path of [guestFile, ...tree.links.keys(), ...files.map((file) => file.path)]) {
    for (const parent of parents(path)) if (!directories.has(parent)) directories.set(parent, 0o755);
  }
  for (const path of tree.links.keys()) directories.delete(path);
  return [
    ...[...directories]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([path, permissions]): ArchiveEntry => ({ kind: "directory", path, permissions })),
    ...[...tree.links].map(([path, target]): ArchiveEntry => ({ kind: "symlink", path, target })),
    ...devices.map(
      ([name, permissions, major, minor]): ArchiveEntry => ({
        kind: "characterDevice",
        path: `/dev/${name}`,
        permissions,
        major,
        minor,
      }),
    ),
    ...files.map((file): ArchiveEntry => ({ kind: "file", ...file })),
  ];
}

/** The two files that init reads (syscall-stubs/x86_64/init/init.c); an initrd with the same names replaces them. */
export function launchFiles(
  guestPath: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): readonly RootFile[] {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return [
    { path: "/ukl/exec", permissions: 0o644, data: strings([guestPath, guestPath, ...args]) },
    { path: "/ukl/environ", permissions: 0o644, data: strings(variables) },
  ];
}

/** The file that says what init mounts (syscall-stubs/x86_64/init/mounts.c), in that order. */
export function mountsFile(mounts: readonly Mount[]): RootFile {
  const fields = mounts.flatMap(({ type, source, target, isReadOnly, options }) => [
    ...[type, source, target, isReadOnly ? "ro" : "rw", options],
  ]);
  return { path: "/ukl/mounts", permissions: 0o644, data: strings(fields) };
}

function strings(values: readonly string[]): Buffer {
  return Buffer.from(values.map((value) => `${value}\0`).join(""));
}

/** The directories above a path, outermost first. */
function parents(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === "/" || parent === "." ? [] : [...parents(parent), parent];
}
