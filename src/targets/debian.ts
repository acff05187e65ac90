// SPDX-License-Identifier: MIT
/** What dpkg knows of the packages of this machine: who owns a file, what belongs to what. */
import { attempt, run } from "../host/exec.js";

export interface Package {
  readonly name: string;
  /** "all" for one without machine code. */
  readonly architecture: string;
  readonly source: string;
  readonly priority: string;
  /** One of each list is needed. */
  readonly depends: readonly (readonly string[])[];
  readonly provides: readonly string[];
}

export type Packages = ReadonlyMap<string, Package>;

const fields = [
  "Package",
  "Architecture",
  "source:Package",
  "Priority",
  "Provides",
  "Pre-Depends",
  "Depends",
  "db:Status-Status",
];

/** By name, and by what they provide. */
export async function installedPackages(): Promise<Packages> {
  const format = `${fields.map((field) => `\${${field}}`).join("\t")}\n`;
  const { stdout } = await attempt({ tool: "dpkg-query", args: ["-W", "-f", format] });
  return packagesByName(
    stdout
      .split("\n")
      .filter((line) => line.endsWith("\tinstalled"))
      .map((line) => parsePackage(line.split("\t"))),
  );
}

/** Those that every system has. */
export async function essentialPackages(): Promise<readonly string[]> {
  const format = `${["Package", "Essential", "db:Status-Status"].map((field) => `\${${field}}`).join("\t")}\n`;
  const { stdout } = await attempt({ tool: "dpkg-query", args: ["-W", "-f", format] });
  return stdout.split("\n").flatMap((line) => {
    const [name = "", isEssential, status] = line.split("\t");
    return isEssential === "yes" && status === "installed" ? [name] : [];
  });
}

/** Of package files, which are not installed. */
export async function packagesInFiles(files: readonly string[]): Promise<readonly Package[]> {
  const format = `${fields
    .slice(0, -1)
    .map((field) => `\${${field}}`)
    .join("\t")}\n`;
  return Promise.all(
    files.map(async (file) => {
      const { stdout } = await run({ tool: "dpkg-deb", args: ["--show", `--showformat=${format}`, file] });
      return parsePackage(stdout.replace(/\n$/, "").split("\t"));
    }),
  );
}

export function packagesByName(packages: readonly Package[]): Packages {
  const provided = packages.flatMap((each) => each.provides.map((name) => [name, each] as const));
  return new Map([...provided, ...packages.map((each) => [each.name, each] as const)]);
}

function parsePackage(values: readonly string[]): Package {
  const [name = "", architecture = "", source = "", priority = "", provides = "", ...depends] = values;
  return {
    name,
    architecture,
    source,
    priority,
    provides: parseRelations(provides).flat(),
    depends: depends.slice(0, 2).flatMap(parseRelations),
  };
}

/** `a (>= 1) | b, c:any`: names alone, since what is installed has the versions that it needs. */
export function parseRelations(text: string): readonly (readonly string[])[] {
  const lists = text
    .split(",")
    .map((list) => list.split("|").flatMap((one) => one.match(/[a-z0-9][\w.+-]*/) ?? []));
  return lists.filter((names) => names.length > 0);
}

/** The packages that own these paths; on a merged /usr the database may have a file at its place before. */
export async function ownersOf(paths: readonly string[]): Promise<readonly string[]> {
  const asked = paths.flatMap((path) => [path, path.replace(/^\/usr(?=\/)/, "")]);
  const { stdout } = await attempt({ tool: "dpkg-query", args: ["-S", "--", ...asked] });
  const names = stdout.split("\n").flatMap((line) => {
    const owners = /^(?!diversion )(.*): \//.exec(line)?.[1];
    return owners === undefined ? [] : owners.split(", ").map((name) => name.replace(/:.*/, ""));
  });
  return [...new Set(names)];
}

/** All paths of installed packages, directories included. */
export async function pathsOf(names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const { stdout } = await attempt({ tool: "dpkg-query", args: ["-L", "--", ...names] });
  return [...new Set(stdout.split("\n").filter((line) => line.startsWith("/") && line !== "/."))];
}
