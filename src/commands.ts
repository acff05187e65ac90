// SPDX-License-Identifier: MIT
/** Programs that come with an application because it can execute them: the shell, and what it says to a shell. */
import { basename } from "node:path";
import type { ImageContents } from "./contents.js";
import type { EntryCache } from "./host/entry-cache.js";
import { hostView, resolveIn } from "./host/file-view.js";
import { readInput } from "./host/files.js";
import { inspectPrograms, noPrograms, type ProgramsBeside } from "./included.js";
import { programsTree } from "./rootfs/closure.js";
import { type AskedFor, isCode, needsShell, shellPath } from "./rootfs/essentials.js";
import { emptyTree, type Tree } from "./rootfs/host-tree.js";
import { type CommandTexts, essentialPrograms, namedPrograms } from "./targets/essential-programs.js";
import { hostData } from "./targets/host-data.js";
import { programsRunBy } from "./targets/shell-commands.js";

export interface CommandsWish extends Pick<ImageContents, "target" | "linked" | "files"> {
  readonly asked: AskedFor;
  /** What comes with the application otherwise. */
  readonly around: Tree;
  readonly args: readonly string[];
}

export interface Commands extends ProgramsBeside {
  readonly tree: Tree;
  readonly notes: readonly string[];
}

const none: Commands = { ...noPrograms, tree: emptyTree, notes: [] };

/** A container has its own programs, or none. */
export async function commandsOf(wish: CommandsWish, cache: EntryCache): Promise<Commands> {
  const { target, linked, asked, around, files } = wish;
  if (target?.isWhole || !needsShell(asked, textsOf(wish))) return none;
  const view = target?.view ?? hostView;
  const own = new Set([...around.files.keys(), ...files.map(({ path }) => path)]);
  const place = (path: string) => resolveIn(view, path)?.path ?? path;
  const wanted = [shellPath, ...(await commandsIn(wish))];
  const paths = wanted.filter((path) => !own.has(place(path)) && !own.has(path));
  const tree = await programsTree(view, paths, await dataOf(paths));
  const hasShell = [shellPath, place(shellPath)].some((path) => own.has(path) || tree.files.has(path));
  const name = basename(target?.path ?? linked.path);
  const notes = hasShell
    ? []
    : [`${name} may give commands to a shell, and there is no ${shellPath} to put into the image`];
  const tooMany = (count: number) => `its scripts name ${count} programs, too many to inspect`;
  const programs = await inspectPrograms({ files: [...tree.files.values()], view, tooMany }, cache);
  return { ...programs, tree, notes };
}

/** Of the application: libc has the name of the shell for others, and its own calls are looked at. */
function textsOf({ target, linked, asked, around }: CommandsWish): readonly Uint8Array[] {
  const view = target?.view ?? hostView;
  const libraries = new Set(
    asked.asker.libraries
      .map(({ path }) => resolveIn(view, path)?.path ?? path)
      .filter((path) => !/\/libc\.so\.6$/.test(path)),
  );
  const loaded = [...around.files.values()].filter(({ path, isData }) => isData || libraries.has(path));
  return [linked.application.bytes, ...loaded.map(({ data }) => data)];
}

/** What is larger nobody has written. */
const mostScriptBytes = 16 << 20;
const shells = /^(?:ba|da|k|z)?sh$/;

/** What packages have for their programs. Debian's essential ones need nothing beside them, but for Perl's modules. */
async function dataOf(paths: readonly string[]): Promise<readonly string[]> {
  const essential = new Set(await essentialPrograms());
  const others = paths.filter(
    (path) => basename(path) === "perl" || (!essential.has(path) && !essential.has(`/usr${path}`)),
  );
  return others.length === 0 ? [] : hostData(others);
}

/** A shell without a script takes its commands from stdin (sh(1)): whoever types there may use any program. */
function readsCommands(args: readonly string[]): boolean {
  const isOptionName = (index: number) => /^[-+][oO]$/.test(args[index - 1] ?? "");
  return args.every((arg, index) => (/^[-+]/.test(arg) && !/^-\w*c/.test(arg)) || isOptionName(index));
}

async function commandsIn({ target, asked, around, files, args }: CommandsWish): Promise<readonly string[]> {
  if (target === undefined) return [];
  const isShell = shells.test(basename(target.path));
  if (!isShell && !asked.isInterpreter) return [];
  if (isShell && target.scripts.length === 0 && readsCommands(args)) return essentialPrograms();
  const included = files.filter(
    ({ path, data }) =>
      data.length <= mostScriptBytes &&
      (isCode(path) || args.includes(path) || (data[0] === 0x23 && data[1] === 0x21)),
  );
  const scripts = [
    ...(await Promise.all(target.scripts.map((path) => readInput(target.view.locate(path))))),
    ...included.map(({ data }) => data),
  ].map((bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  // Of what is compiled, the texts stand between the names.
  const compiled = files
    .filter(({ path }) => /\.(?:class|pyc|beam)$/.test(path))
    .map(({ data }) =>
      Buffer.from(data)
        .toString("latin1")
        .replaceAll(/[^ -~]+/g, "\n"),
    );
  const data = [...around.files.values()].filter(({ path, isData }) => isData && isCode(path));
  const texts: CommandTexts = {
    commands: isShell ? [...scripts, ...args] : compiled,
    scripts: isShell ? [] : [...scripts, ...args],
    libraries: data.map((file) => file.data),
  };
  const essential = namedPrograms(await essentialPrograms(), texts);
  return isShell ? [...essential, ...(await programsRunBy(texts.commands, target.view))] : essential;
}
