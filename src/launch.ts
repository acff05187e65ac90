// SPDX-License-Identifier: MIT
/**
 * What a run changes of an image that is there: an archive that the kernel unpacks over the image's own, with other
 * arguments, another environment or user, and further files.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UklError } from "./errors.js";
import { accountId, readAccounts } from "./host/accounts.js";
import { formatCommand } from "./host/exec.js";
import { hostView } from "./host/file-view.js";
import { readInput, withScratchDirectory } from "./host/files.js";
import { readArchive } from "./image.js";
import { canRun } from "./included.js";
import type { Manifest } from "./manifest.js";
import type { ArchiveEntry } from "./rootfs/cpio.js";
import { type ArchivedFile, readArchiveFiles } from "./rootfs/cpio-reader.js";
import { type Included, readIncluded } from "./rootfs/include.js";
import { launchFiles, type ProcessUser, parents, type RootFile } from "./rootfs/root.js";
import { hasOption } from "./specialise/lacking.js";
import { unknownUser, userOf } from "./targets/user.js";

export interface LaunchRequest {
  readonly imagePath: string;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly include?: Readonly<Record<string, string>>;
}

export interface Launch {
  readonly entries: readonly ArchiveEntry[];
  /** Of included files, which are in the archive and then in the root file system. */
  readonly addedBytes: number;
}

/** Throws UKL-101, UKL-114, UKL-201 and UKL-504. */
export async function planLaunch(manifest: Manifest, request: LaunchRequest): Promise<Launch> {
  const { imagePath, args, env, user: userText, include = {} } = request;
  const included = await readIncluded(include);
  refusePrograms(included, request);
  const isLookedInto = userText !== undefined || Object.keys(include).length > 0;
  const image = isLookedInto ? await filesOfImage(imagePath) : new Map<string, ArchivedFile>();
  const as = userText === undefined ? undefined : await launchedAs(userText, manifest, { image, imagePath });
  const { guestPath: path, leading = [path], accounts: _, ...place } = manifest.application;
  const isReplaced = args !== undefined || Object.keys(env).length > 0 || as !== undefined;
  const process = {
    ...{ path, leading, ...place, ...(as === undefined ? {} : { user: as.user }) },
    ...{ args: args ?? manifest.arguments, environment: { ...manifest.environment, ...env } },
  };
  const files = [...(as?.files ?? []), ...included.files];
  return {
    entries: [
      ...directoriesFor(files, included, image),
      ...asEntries([...(isReplaced ? launchFiles(process) : []), ...files]),
      ...[...included.links].map(([path, target]) => ({ kind: "symlink", path, target }) as const),
    ],
    addedBytes: files.reduce((sum, { data }) => sum + data.length, 0),
  };
}

export function asEntries(files: readonly RootFile[]): readonly ArchiveEntry[] {
  return files.map(({ path, permissions, owner, data }) => ({
    ...({ kind: "file", path, permissions, owner, data } as const),
  }));
}

/** What is executed or loaded is inspected when an image is built: its calls, and the libraries that it needs. */
function refusePrograms({ files }: Included, { imagePath, include = {} }: LaunchRequest): void {
  const program = files.find(({ data }) => canRun(data));
  if (program === undefined) return;
  const words = Object.entries(include).flatMap(([guest, host]) => ["--include", `${guest}=${host}`]);
  throw new UklError("UKL-101", {
    what: `--include cannot add the program ${program.path} to ${imagePath}`,
    cause: "its libraries, and the system calls that it makes, are looked up when an image is built",
    fix: `build another one: ${formatCommand({ tool: "ukl", args: ["build", "TARGET", ...words] })}`,
  });
}

async function filesOfImage(path: string): Promise<ReadonlyMap<string, ArchivedFile>> {
  const files = readArchiveFiles(await readArchive(path));
  if (files !== undefined) return files;
  throw new UklError("UKL-504", {
    what: `the root file system of ${path} cannot be read`,
    cause: "its archive is malformed, or the sections that have it were taken out of the file",
    fix: "build the image again with this version of ukl",
  });
}

interface ImageFiles {
  readonly image: ReadonlyMap<string, ArchivedFile>;
  readonly imagePath: string;
}

/** The user, and the databases with their names where the image has some that lack them. */
async function launchedAs(
  text: string,
  { application, kernel }: Manifest,
  { image, imagePath }: ImageFiles,
): Promise<{ readonly user: ProcessUser; readonly files: readonly RootFile[] }> {
  return withScratchDirectory(async (scratch) => {
    const locate = (path: string) => join(scratch, path.replaceAll("/", "-"));
    for (const path of [passwdFile, groupFile]) {
      const known = [
        textOf(image.get(path)),
        ...(application.accounts === "own" ? [] : [await hostText(path)]),
      ];
      await writeFile(locate(path), known.join("\n"));
    }
    const user = userOf({ locate }, text, unknownUser);
    if (user.uid !== 0 || user.gid !== 0) checkUsers(text, kernel, imagePath);
    const files = [
      ...withAccount(image, passwdFile, readAccounts({ locate }, "user"), user.uid),
      ...withAccount(image, groupFile, readAccounts({ locate }, "group"), user.gid),
    ];
    return { user, files };
  });
}

const passwdFile = "/etc/passwd";
const groupFile = "/etc/group";

function textOf(file: ArchivedFile | undefined): string {
  return Buffer.from(file?.data ?? new Uint8Array()).toString("utf8");
}

async function hostText(path: string): Promise<string> {
  return (await readInput(hostView.locate(path)).catch(() => "")).toString();
}

/** The image's database with the account's line. Without a database, a program looks nobody up. */
function withAccount(
  image: ImageFiles["image"],
  path: typeof passwdFile | typeof groupFile,
  accounts: ReturnType<typeof readAccounts>,
  id: number,
): readonly RootFile[] {
  const file = image.get(path);
  const account = accounts.find((each) => each.id === id);
  const text = textOf(file);
  const isKnown = text.split("\n").some((line) => accountId(line.split(":")[2]) === id);
  if (file?.kind !== "file" || account === undefined || isKnown) return [];
  const { name, further } = account;
  const line =
    path === groupFile
      ? `${name}:x:${id}:`
      : `${name}:x:${id}:${further[0] ?? 0}:${name}:/:/usr/sbin/nologin`;
  const { permissions, owner } = file;
  return [{ path, permissions, owner, data: Buffer.from(`${text.replace(/\n?$/, "\n")}${line}\n`) }];
}

/** Throws UKL-101 where the image's kernel knows no users. */
function checkUsers(text: string, kernel: Manifest["kernel"], imagePath: string): void {
  if (hasOption(kernel, optionOfUsers)) return;
  throw new UklError("UKL-101", {
    what: `-u does not count for ${imagePath}`,
    cause: `its kernel was built for what the application uses, without ${optionOfUsers}: it knows nobody but root`,
    fix: `build it with -u ${text}, or with --kernel generic`,
  });
}

const optionOfUsers = "CONFIG_MULTIUSER";

/** Those that were included, and those above files that the image does not have. */
function directoriesFor(
  files: readonly RootFile[],
  { directories, links }: Included,
  image: ImageFiles["image"],
): readonly ArchiveEntry[] {
  const made = new Map<string, ArchiveEntry>();
  for (const path of [...directories.keys(), ...files.map(({ path }) => path), ...links.keys()]) {
    for (const parent of parents(path)) {
      if (image.has(parent) || directories.has(parent)) continue;
      made.set(parent, { kind: "directory", path: parent, permissions: 0o755 });
    }
  }
  for (const [path, directory] of directories) made.set(path, { kind: "directory", path, ...directory });
  return [...made.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
}
