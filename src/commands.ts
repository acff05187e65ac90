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
import {
  type CommandTexts,
  essentialPrograms,
  namedPrograms,
  namesOf,
} from "./targets/essential-programs.js";
import { hostData } from "./targets/host-data.js";
import { isShell, programsRunBy } from "./targets/shell-commands.js";

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
  const isNew = (path: string) => !own.has(place(path)) && !own.has(path);
  const named = await commandsIn(wish);
  const [essential, others] = [named.essential.filter(isNew), named.others.filter(isNew)];
  const paths = [...[shellPath].filter(isNew), ...essential, ...others];
  const tree = await programsTree(view, paths, await dataOf({ essential, others }));
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

/** What is executed by its name. */
interface NamedCommands {
  /** Of Debian's essential packages, and of others. */
  readonly essential: readonly string[];
  readonly others: readonly string[];
}

const noCommands: NamedCommands = { essential: [], others: [] };

/** What packages have for their programs. Debian's essential ones need nothing beside them, but for Perl's modules. */
function dataOf({ essential, others }: NamedCommands): Promise<readonly string[]> {
  return hostData([...others, ...essential.filter((path) => basename(path) === "perl")]);
}

/** A shell without a script takes its commands from stdin (sh(1)): whoever types there may use any program. */
function readsCommands(args: readonly string[]): boolean {
  const isOptionName = (index: number) => /^[-+][oO]$/.test(args[index - 1] ?? "");
  return args.every((arg, index) => (/^[-+]/.test(arg) && !/^-\w*c/.test(arg)) || isOptionName(index));
}

async function commandsIn({ target, asked, around, files, args }: CommandsWish): Promise<NamedCommands> {
  if (target === undefined) return noCommands;
  const runsCommands = isShell(target.path);
  if (!runsCommands && !asked.isInterpreter) return noCommands;
  const essential = await essentialPrograms();
  if (runsCommands && target.scripts.length === 0 && readsCommands(args)) return { essential, others: [] };
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
    commands: runsCommands ? [...scripts, ...args] : compiled,
    scripts: runsCommands ? [] : [...scripts, ...args],
    libraries: data.map((file) => file.data),
  };
  const run = runsCommands ? await programsRunBy(texts.commands, target.view) : [];
  const all = new Set(essential);
  const isEssential = (path: string) => namesOf(path).some((each) => all.has(each));
  return {
    essential: [...namedPrograms(essential, texts), ...run.filter(isEssential)],
    others: run.filter((path) => !isEssential(path)),
  };
}
