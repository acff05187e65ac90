// SPDX-License-Identifier: MIT
/** What a build is about: the program that is executed in the end, where its files are, and what comes with them. */
import { basename, resolve } from "node:path";
import type { ResolvedConfiguration } from "./config/schema.js";
import { UklError } from "./errors.js";
import { type FileView, hostView, resolveIn } from "./host/file-view.js";
import type { LaunchedProcess } from "./rootfs/root.js";
import { containerName, containerTarget } from "./targets/container.js";
import { findEntrypoint } from "./targets/entrypoint.js";
import { hostData } from "./targets/host-data.js";
import { packageTarget } from "./targets/package.js";
import { defaultPath, type Execution, resolveScripts } from "./targets/script.js";
import { unknownUser, userOf } from "./targets/user.js";

export interface Target extends Execution {
  /** What messages call it. */
  readonly name: string;
  readonly view: FileView;
  /** Without symbolic links. */
  readonly file: string;
  /** Taken beside what the program's inspection names; directories without what is in them. */
  readonly data: readonly string[];
  /** All of the view is taken. */
  readonly isWhole: boolean;
  /** Made where they are not there. */
  readonly directories: readonly string[];
  readonly process: Pick<LaunchedProcess, "environment" | "workingDirectory" | "user" | "stopSignal">;
  /** Where the user gives none. */
  readonly defaultArgs: readonly string[];
}

/** Undefined where there are inputs to be linked. Throws UKL-101, UKL-114, UKL-201, UKL-226 to UKL-234, and UKL-236 and UKL-237. */
export async function resolveTarget(
  configuration: ResolvedConfiguration,
  scratch: string,
): Promise<Target | undefined> {
  if (configuration.inputs !== undefined) return undefined;
  if (configuration.image !== undefined) return fromContainer(configuration.image, configuration, scratch);
  if (configuration.package !== undefined) return fromPackage(configuration.package, configuration, scratch);
  const name = programOf(configuration);
  const found = await executed(hostView, resolve(name));
  const data = await hostData([...found.scripts, found.path]);
  return { ...alone, ...found, name, view: hostView, data };
}

const alone = { isWhole: false, directories: [], process: { environment: {} }, defaultArgs: [] } as const;

async function fromPackage(
  name: string,
  { pull, unpackLimit }: ResolvedConfiguration,
  scratch: string,
): Promise<Target> {
  const limitBytes = bytesOf(unpackLimit);
  const { view, program, data } = await packageTarget(name, { pull, scratch, limitBytes });
  return { ...alone, ...(await executed(view, program)), name: program, view, data };
}

async function fromContainer(
  image: string,
  { unpackLimit, user: wanted }: ResolvedConfiguration,
  scratch: string,
): Promise<Target> {
  const limitBytes = bytesOf(unpackLimit);
  const container = await containerTarget(image, { scratch: `${scratch}/container`, limitBytes });
  const { view, entrypoint, defaults, environment, workingDirectory, directories, stopSignal } = container;
  const [command = "", ...args] = entrypoint;
  const searchPath = environment["PATH"] ?? defaultPath;
  const user = wanted === undefined ? container.user : userOf(view, wanted, unknownUser);
  const path = findEntrypoint(view, { command, image, workingDirectory, searchPath, user });
  const found = await executed(view, path, searchPath, [command, ...args]);
  const launched = { environment: { PATH: searchPath, ...environment }, workingDirectory, user, stopSignal };
  return {
    ...found,
    name: `${command} of ${image}`,
    view,
    data: [],
    isWhole: true,
    directories,
    process: launched,
    defaultArgs: defaults,
  };
}

async function executed(
  view: FileView,
  path: string,
  searchPath = process.env["PATH"] ?? defaultPath,
  argv = [path],
) {
  const directories = searchPath.split(":").filter((directory) => directory.startsWith("/"));
  const execution = await resolveScripts(view, path, directories, argv);
  return { ...execution, file: resolveIn(view, execution.path)?.path ?? execution.path };
}

/** Of `128M` or `2G`. */
function bytesOf(size: string): number {
  return Number(size.slice(0, -1)) * 1024 ** (size.endsWith("G") ? 3 : 2);
}

/** What the image is called where the configuration does not say. */
export function targetName(configuration: ResolvedConfiguration): string {
  const { image, package: packaged } = configuration;
  if (image !== undefined) return containerName(image);
  if (packaged !== undefined) return basename(packaged);
  return basename(programOf(configuration));
}

function programOf({ program }: ResolvedConfiguration): string {
  if (program !== undefined) return program;
  throw new UklError("UKL-101", {
    what: "there is nothing to build",
    cause: "neither the command line nor the configuration names a target",
    fix: "name sources, objects, archives, an executable, a package or a container image",
  });
}
