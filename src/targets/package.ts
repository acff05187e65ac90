// SPDX-License-Identifier: MIT
/** `package:NAME` and `package:NAME/PROGRAM`: which program of a package is meant, and what comes with it. */
import { basename } from "node:path/posix";
import { UklError } from "../errors.js";
import { type FileView, hostView, isFileIn, layered, resolveIn } from "../host/file-view.js";
import { nearest } from "../nearest.js";
import type { UnpackOptions } from "./container-blobs.js";
import { installedPackages, type Packages, packagesByName, pathsOf } from "./debian.js";
import { dataPaths, programPaths, relatives } from "./package-files.js";
import { pullPackage } from "./pull.js";

export interface PackageTarget {
  readonly view: FileView;
  readonly program: string;
  /** Files and directories that programs of the package find at run time. */
  readonly data: readonly string[];
}

/** A Debian package as it is looked into, installed or not. */
interface Shelf {
  readonly view: FileView;
  readonly packages: Packages;
  readonly pathsOf: (names: readonly string[]) => Promise<readonly string[]>;
}

/** Throws UKL-228, UKL-230, UKL-233, UKL-234 and UKL-407. */
export async function packageTarget(
  target: string,
  { pull, ...unpack }: { readonly pull: boolean } & UnpackOptions,
): Promise<PackageTarget> {
  const [name = "", wanted] = target.split("/");
  const installed = await installedPackages();
  if (!installed.has(name) && !pull) throw notInstalled(name, installed);
  const shelf = installed.has(name)
    ? { view: hostView, packages: installed, pathsOf }
    : await pulled(name, installed, unpack);
  const related = relatives(shelf.packages, [name]);
  const own = await programsOf([shelf.packages.get(name)?.name ?? name], shelf);
  // A package may be there for others alone that it depends on, of which one has the program of its name.
  const programs = own.length > 0 ? own : await programsOf(related, shelf);
  const program = chooseProgram(name, wanted, programs);
  const data = dataPaths(await shelf.pathsOf(related), related);
  return { view: shelf.view, program, data };
}

/** A file with several paths is one, at the path where a shell finds it. */
async function programsOf(names: readonly string[], { view, pathsOf }: Shelf): Promise<readonly string[]> {
  const byFile = new Map<string, string>();
  for (const path of programPaths(await pathsOf(names))) {
    const file = resolveIn(view, path)?.path;
    if (file === undefined || !isFileIn(view, path)) continue;
    const known = byFile.get(`${file} ${basename(path)}`);
    if (known === undefined || (searched.test(path) && !searched.test(known))) {
      byFile.set(`${file} ${basename(path)}`, path);
    }
  }
  return [...byFile.values()];
}

/** As PATH has it on a Debian system. */
const searched = /^\/(?:usr\/)?(?:local\/)?s?bin\/[^/]+$/;

async function pulled(name: string, installed: Packages, unpack: UnpackOptions): Promise<Shelf> {
  const { packages, tree, paths } = await pullPackage(name, unpack);
  return {
    view: layered(tree, hostView),
    packages: new Map([...installed, ...packagesByName(packages)]),
    pathsOf: async (names) => [
      ...names.flatMap((each) => paths.get(each) ?? []),
      ...(await pathsOf(names.filter((each) => !paths.has(each) && installed.has(each)))),
    ],
  };
}

function chooseProgram(name: string, wanted: string | undefined, programs: readonly string[]): string {
  const named = programs.filter((path) => basename(path) === (wanted ?? name));
  const [only, ...others] = named.length > 0 || wanted !== undefined ? named : programs;
  if (only !== undefined && others.length === 0) return only;
  const names = [...new Set(programs.map((path) => basename(path)))].sort();
  if (names.length === 0) {
    throw new UklError("UKL-228", {
      what: `the package ${name} has no program`,
      cause: "nothing it owns is in a directory bin or sbin",
      fix: "name the package that has the program",
    });
  }
  throw new UklError("UKL-228", {
    what:
      wanted === undefined
        ? `the package ${name} has several programs`
        : `the package ${name} has no program ${wanted}`,
    cause: `it has ${names.join(", ")}`,
    fix: `name one: package:${name}/${nearest(wanted ?? name, names)[0]?.candidate ?? names[0]}`,
  });
}

function notInstalled(name: string, installed: Packages): UklError {
  const close = nearest(name, [...installed.keys()]).find(({ distance }) => distance <= name.length / 3);
  return new UklError("UKL-228", {
    what: `the package ${name} is not installed`,
    cause: `dpkg does not know it${close === undefined ? "" : `; it knows ${close.candidate}`}`,
    fix: `add --pull to fetch it without installing it, or run 'apt-get install ${name}'`,
  });
}
