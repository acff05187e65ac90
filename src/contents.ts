// SPDX-License-Identifier: MIT
/** What an image is made of, as far as no kernel is needed for it: the application, what it does, and its files. */
import { basename } from "node:path";
import {
  type GuestPlace,
  guestPlaceOf,
  type Inputs,
  kernelSymbolNames,
  type LinkedApplication,
  linkedApplication,
  readInputs,
  somewhere,
} from "./application.js";
import { imageAttributes } from "./attributes.js";
import { commandsOf } from "./commands.js";
import type { ResolvedConfiguration } from "./config/schema.js";
import { hostView, resolveIn } from "./host/file-view.js";
import { cacheDirectory } from "./host/places.js";
import type { Stopwatch } from "./host/stopwatch.js";
import {
  checkNamedPrograms,
  inspectApplication,
  inspectBeside,
  inspectIncluded,
  noPrograms,
} from "./included.js";
import type { Bindings } from "./inspect/bindings.js";
import { inspectionCache } from "./inspect/cache.js";
import { zonesByName } from "./inspect/file-rules.js";
import { librariesOf } from "./inspect/inspect.js";
import type { Inspection } from "./inspect/schema.js";
import { applicationTree, librariesTree } from "./rootfs/closure.js";
import { type AskedFor, essentialPaths, isCode, isInterpreter } from "./rootfs/essentials.js";
import { conversionsFor } from "./rootfs/gconv.js";
import { type Attributes, emptyTree, HostTree, mergeTrees, type Tree } from "./rootfs/host-tree.js";
import { readIncluded } from "./rootfs/include.js";
import type { RootFile } from "./rootfs/root.js";
import { type ApplicationFile, applicationFile } from "./set-id.js";
import { resolveTarget, type Target } from "./target.js";

export interface ImageContents {
  /** Undefined where the application was linked from inputs. */
  readonly target: Target | undefined;
  readonly inputs: Inputs;
  readonly linked: LinkedApplication;
  readonly place: GuestPlace;
  readonly inspection: Inspection;
  /** Sites that are to become calls: none in ring 3. */
  readonly bindings: readonly Bindings[];
  /** Of all programs of the image, the application first. */
  readonly programs: readonly Inspection[];
  /** Why there may be more than was found of them. */
  readonly open?: string | undefined;
  /** Those that the configuration names. */
  readonly files: readonly RootFile[];
  /** What the programs find in the places where they were put together. */
  readonly tree: Tree;
  readonly applicationFile: ApplicationFile;
  /** Extended attributes of files and directories, by path. */
  readonly attributes: ReadonlyMap<string, Attributes>;
  /** For the user. */
  readonly notes: readonly string[];
}

/** What can go wrong with the application goes wrong here, before a kernel is compiled for it. */
export async function imageContents(
  configuration: ResolvedConfiguration,
  scratch: string,
  time: Stopwatch,
): Promise<ImageContents> {
  const target = await resolveTarget(configuration, scratch);
  const inputs = await readInputs(configuration, target);
  const { files, directories, links, linkTimes } = await readIncluded(configuration.files.include);
  checkNamedPrograms(files, configuration.files.include);
  const symbols = somewhere(kernelSymbolNames(configuration));
  const linked = await linkedApplication(configuration, { inputs, target }, symbols, scratch);
  time.lap("application");

  const cache = inspectionCache(cacheDirectory());
  const isBound = configuration.mode === "unikernel" && configuration.bind;
  const { inspection, bindings: bindable } = await inspectApplication(linked.path, target, {
    cache,
    isBound,
  });
  const bindings = bindable.map((file) =>
    file.path === linked.path ? file : { ...file, path: realPath(target, file.path) },
  );
  const view = target?.view ?? hostView;
  const place = guestPlaceOf(configuration, linked.application, target);
  const asked = {
    asker: inspection,
    isInterpreter: target !== undefined && isInterpreter(...codeFor(target, files, configuration.args)),
  };
  const around = await treeOf(configuration, target, { place, linked, inspection, asked });
  const found = target === undefined ? noPrograms : await inspectBeside(around, target, cache);
  const commands = await commandsOf(
    { target, linked, asked, around, files, args: configuration.args },
    cache,
  );
  const beside = [...found.inspections, ...commands.inspections];
  const included = await inspectIncluded(files, cache, scratch);
  const programs = [inspection, ...beside, ...included.inspections];
  const tree = mergeTrees(
    await librariesTree(
      view,
      target?.isWhole ? [] : [...beside, ...included.inspections, found, commands, included],
    ),
    commands.tree,
    around,
    { ...emptyTree, directories, links, linkTimes },
  );
  const attributes = await imageAttributes({ target, place, tree, files });
  time.lap("inspection");
  const node = target?.view.node(target.file);
  const keepsOwner = target?.isWhole === true;
  const ownFile = applicationFile(configuration.mode, place.file, { node, keepsOwner });
  const notes = [
    ...(ownFile.note === undefined ? [] : [ownFile.note]),
    ...commands.notes,
    ...zoneNotes(inspection, [...tree.files.keys(), ...files.map(({ path }) => path)]),
  ];
  return {
    target,
    inputs,
    linked,
    place,
    inspection,
    bindings,
    programs,
    open: found.open ?? included.open ?? commands.open ?? callsByName(inspection) ?? makesCode(inspection),
    files,
    tree,
    attributes,
    applicationFile: ownFile,
    notes,
  };
}

/** What browsers execute, too, is code for the program only where it is told to. */
const forBrowsers = /\.[cm]?js$/;

/** The scripts that the program executes, and the paths of code and data that it may load. */
function codeFor(
  { scripts, data }: Target,
  files: readonly RootFile[],
  args: readonly string[],
): readonly [scripts: readonly string[], data: readonly string[]] {
  const isScript = (file: RootFile) => isCode(file.path) || (file.data[0] === 0x23 && file.data[1] === 0x21);
  const given = files.filter((file) => args.includes(file.path) && isScript(file));
  const further = files.filter(({ path }) => isCode(path) && !forBrowsers.test(path));
  return [
    [...scripts, ...given.map(({ path }) => path)],
    [...data, ...further.map(({ path }) => path)],
  ];
}

async function treeOf(
  { user = "", args, env }: ResolvedConfiguration,
  target: Target | undefined,
  {
    place,
    linked,
    inspection,
    asked,
  }: Pick<ImageContents, "place" | "linked" | "inspection"> & { readonly asked: AskedFor },
): Promise<Tree> {
  if (target === undefined) return emptyTree;
  const { interpreter, bytes } = linked.application;
  const source = {
    ...target,
    program: place.path,
    isDynamic: interpreter !== undefined,
    isAlone: place.file !== target.file,
    programBytes: bytes,
    accounts: user.split(":"),
    essentials: essentialPaths(target.view, asked, env["TZ"]),
  };
  const tree = await applicationTree(source, inspection);
  return mergeTrees(
    tree,
    await conversionTree(target, inspection, [bytes, ...args.map((arg) => Buffer.from(`${arg}\0`))]),
  );
}

/** The modules by which character sets are converted, with what they are loaded with. */
async function conversionTree(
  { view, isWhole }: Target,
  { files }: Inspection,
  texts: readonly Uint8Array[],
): Promise<Tree> {
  const directory = files.find(({ kind, path }) => kind === "gconv" && path.endsWith("/gconv/"));
  if (directory === undefined || isWhole) return emptyTree;
  const { modules, tables } = await conversionsFor(view, directory.path, texts);
  const tree = await librariesTree(view, [{ libraries: await librariesOf(modules, view) }]);
  const others = new HostTree(view);
  for (const path of tables) await others.add(path);
  return mergeTrees(tree, others);
}

const zoneinfo = "/usr/share/zoneinfo";

/** Time zones that are asked for by name are in no program, and the database has more than one program wants. */
function zoneNotes({ files }: Inspection, included: readonly string[]): readonly string[] {
  const asks = files.some(({ path, reason }) => path.startsWith(zoneinfo) && reason === zonesByName);
  if (!asks || included.some((path) => path.startsWith(`${zoneinfo}/`))) return [];
  return [`it looks up time zones by name, and the image has none: --include ${zoneinfo}`];
}

/** Of a library of foreign functions: what scripts call by it, nothing in the code tells. */
function callsByName({ libraries }: Inspection): string | undefined {
  const library = libraries.find(({ path }) => /\/libffi\.so/.test(path));
  return library && `scripts can call any function of a library by name (${basename(library.path)})`;
}

/** What a program writes into pages and then executes, nobody has seen. A library that does so compiles for others. */
function makesCode({ features, target }: Inspection): string | undefined {
  const pages = features.find(({ name }) => name === "JIT pages");
  const place = /(\S+):\S+ at 0x[\da-f]+$/.exec(pages?.evidence ?? "");
  return place?.[1] === basename(target.path) ? `it makes code while it runs (${place[0]})` : undefined;
}

/** Libraries go by the paths that the loader finds them by; files are where no link leads. */
function realPath(target: Target | undefined, path: string): string {
  return (target && resolveIn(target.view, path)?.path) ?? path;
}
