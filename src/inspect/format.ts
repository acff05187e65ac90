// SPDX-License-Identifier: MIT
/** An inspection as people read it in a terminal. The same facts, all of them, are in `--json`. */
import { basename } from "node:path";
import { elide, plural, printable, wrap } from "./layout.js";
import type { Inspection } from "./schema.js";
import { subsystemOfSyscall, subsystems } from "./subsystems.js";

type Library = Inspection["libraries"][number];
type Syscall = Inspection["syscalls"][number];
type Verdict = Inspection["verdicts"]["unikernel"];

const shownUnknownSites = 10;

/** At most 100 columns wide. */
export function formatInspection(inspection: Inspection): string {
  const safe = printable(inspection);
  const sections = [
    describeTarget(safe),
    describeLibraries(safe),
    describeSyscalls(safe),
    describeSites(safe),
    describeTls(safe),
    describeFeatures(safe),
    describeFiles(safe),
    describeVerdict("unikernel", safe.verdicts.unikernel),
    describeVerdict("classic", safe.verdicts.classic),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join("\n")}\n`)
    .join("\n");
}

/** The names alone, for scripts. */
export function formatNames(inspection: Inspection): string {
  return printable(inspection.syscalls.map(({ name }) => name))
    .sort()
    .map((name) => `${name}\n`)
    .join("");
}

/** Why the list of calls may be too short, as one sentence; undefined when it is a guarantee. */
export function explainIncomplete(inspection: Inspection): string | undefined {
  if (inspection.complete) return undefined;
  const unknown = inspection.unknownSites.filter(({ reached }) => reached).length;
  const missing = inspection.missingLibraries.length;
  const undefinedSymbols = inspection.undefinedSymbols.length;
  const causes = [
    ...(unknown > 0 ? [`${plural(unknown, "reached site")} with a number that could not be determined`] : []),
    ...(missing > 0 ? [`${plural(missing, "library", "libraries")} not found`] : []),
    ...(undefinedSymbols > 0 ? [plural(undefinedSymbols, "undefined symbol")] : []),
  ];
  const why = causes.length > 0 ? causes.join(", and ") : "a part of the program could not be followed";
  return inspection.mode === "strict"
    ? `The list is every call there is, because strict mode widens what it cannot resolve: ${why}.`
    : `The list is no guarantee: calls may be missing from it, because of ${why}.`;
}

function describeTarget({ target }: Inspection): string[] {
  const facts = [
    target.kind,
    target.arch,
    ...(target.pie ? ["position independent"] : []),
    ...(target.stripped ? ["stripped"] : []),
    ...(target.interp === undefined ? [] : [`started by ${target.interp}`]),
  ];
  return [...wrap(target.path), ...wrap(facts.join(", "), "  "), `  sha256 ${target.sha256}`];
}

function describeLibraries({ libraries, missingLibraries, undefinedSymbols }: Inspection): string[] {
  const listed = libraries.filter(({ reason }) => reason !== "program");
  const wanted = undefinedSymbols.map(({ name, neededBy }) =>
    wrap(`undefined, needed by ${neededBy}`, `  ${elide(name, 30).padEnd(30)}  `),
  );
  if (listed.length + missingLibraries.length + wanted.length === 0) return ["Libraries: none"];
  const rows = sortBy(listed, libraryName).map(describeLibrary);
  const missing = missingLibraries.map(({ name, neededBy }) =>
    wrap(`not found, needed by ${neededBy}`, `  ${elide(name, 30).padEnd(30)}  `),
  );
  return [`Libraries: ${listed.length + missingLibraries.length}`, ...[rows, missing, wanted].flat(2)];
}

function describeLibrary(library: Library): string[] {
  // Whole KiB in one column compare better than mixed units.
  const size = `${Math.ceil(library.sizeBytes / 1024)} KiB`.padStart(10);
  const head = `  ${elide(libraryName(library), 30).padEnd(30)}${size}  ${library.reason.padEnd(12)}`;
  // The interpreter works without a symbol of it being bound, and so does what is loaded by name.
  const onPaper = library.reason === "needed" && library.boundSymbols.length === 0;
  const members = library.members === undefined ? "" : ` (${plural(library.members.length, "member")})`;
  const place = onPaper ? "on paper only: no symbol is bound from it" : library.path + members;
  const use = describeUse(library);
  return [...wrap(place, head), ...(use.length === 0 ? [] : wrap(use.join("; "), "    "))];
}

/** Each symbol with its users is in `--json`. */
function describeUse({ boundSymbols, versions, namedBy, buildId }: Library): string[] {
  const users = [...new Set(boundSymbols.flatMap((symbol) => symbol.users))].sort();
  return [
    ...(users.length === 0 ? [] : [`${plural(boundSymbols.length, "symbol")} for ${users.join(" ")}`]),
    ...(versions.length === 0 ? [] : [`versions ${versions.map(({ name }) => name).join(" ")}`]),
    ...(namedBy.length === 0 ? [] : [`named by ${namedBy.join(" ")}`]),
    ...(buildId === undefined ? [] : [`build-id ${buildId}`]),
  ];
}

const libraryName = ({ soname, path }: Library) => soname ?? basename(path);

function sortBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...items].sort((one, other) => (key(one) < key(other) ? -1 : 1));
}

function describeSyscalls(inspection: Inspection): string[] {
  const { syscalls } = inspection;
  const marked = sortBy(syscalls, ({ name }) => name).map((call) => ({
    name: call.name,
    mark: markOf(call),
  }));
  const groups = [...subsystems, "other"].flatMap((group) => {
    const calls = marked.filter(({ name }) => (subsystemOfSyscall.get(name) ?? "other") === group);
    const text = calls.map(({ name, mark }) => name + mark).join(" ");
    return calls.length === 0 ? [] : wrap(text, `  ${group.padEnd(20)}`);
  });
  const legend = Object.entries(legendOfMark).flatMap(([mark, meaning]) => {
    const count = marked.filter((call) => call.mark === mark).length;
    return count === 0 ? [] : [`  ${mark} ${count} ${meaning}`];
  });
  const warning = explainIncomplete(inspection);
  return [
    `System calls: ${syscalls.length}`,
    ...groups,
    ...legend,
    ...(warning === undefined ? [] : wrap(warning, "  ! ")),
  ];
}

const legendOfMark = {
  "*": "only before main",
  "+": "only through NSS modules, gconv, dlopen or in place of the vDSO",
};

/** By when it is made; no mark for what the program itself does. */
function markOf({ layers }: Syscall): "" | keyof typeof legendOfMark {
  if (layers.length === 0 || layers.includes("main")) return "";
  return layers.every((layer) => layer === "startup") ? "*" : "+";
}

function describeSites({ sites, unknownSites }: Inspection): string[] {
  const classes = [
    `${sites.constant} with a constant number`,
    `${sites.wrapper} through wrappers`,
    `${sites.unknown} unknown`,
    `${sites.unreached} unreached`,
  ];
  const reached = unknownSites.filter((site) => site.reached);
  const shown = reached
    .slice(0, shownUnknownSites)
    .flatMap(({ library, symbol, offset, reason }) =>
      wrap(reason, `    ${elide(`${basename(library)}:${symbol}`, 50)} at ${elide(offset, 18)}: `),
    );
  const more = reached.length - shownUnknownSites;
  return [
    ...wrap(`${plural(sites.total, "system call instruction")}: ${classes.join(", ")}`, "Sites: "),
    ...(reached.length === 0 ? [] : [`  reached, with an unknown number: ${reached.length}`, ...shown]),
    ...(more > 0 ? [`    and ${more} more, see --json`] : []),
  ];
}

function describeTls({ tls }: Inspection): string[] {
  const { threadBytes, threadParts, modules, models } = tls;
  if (threadBytes === 0) return ["TLS: none"];
  return [
    `TLS: ${plural(threadBytes, "byte")} for each thread`,
    ...threadParts.flatMap(({ what, bytes, evidence }) =>
      wrap(`${what}: ${evidence}`, `  ${`${bytes}`.padStart(8)}  `),
    ),
    ...modules.flatMap(({ library, memoryBytes, alignBytes }) =>
      wrap(
        `${plural(memoryBytes, "byte")}, aligned to ${alignBytes}`,
        `  ${elide(library, 30).padEnd(30)}  `,
      ),
    ),
    ...models.flatMap(({ model, libraries }) => wrap(libraries.join(" "), `  ${model.padEnd(30)}  `)),
  ];
}

function describeFeatures({ features, socketFamilies }: Inspection): string[] {
  const rows = [
    ...features,
    ...socketFamilies.map(({ name, evidence }) => ({ name: `sockets of ${name}`, evidence })),
  ];
  if (rows.length === 0) return [];
  return [
    "Features:",
    ...rows.flatMap(({ name, evidence }) => wrap(evidence, `  ${elide(name, 26).padEnd(26)}  `)),
  ];
}

/** Which function asks for a file is in `--json`: the chains are long. */
function describeFiles({ files }: Inspection): string[] {
  const kinds = [...new Set(files.map(({ kind }) => kind))];
  const rows = kinds.flatMap((kind) => {
    const paths = files.filter((file) => file.kind === kind).map(({ path }) => path);
    return wrap(paths.join(" "), `  ${(kind === "path" ? "other" : kind).padEnd(15)}`);
  });
  return files.length === 0 ? [] : [`Files that it may look for: ${files.length}`, ...rows];
}

function describeVerdict(mode: string, { outcome, findings }: Verdict): string[] {
  return [
    `In ${mode} mode: ${outcome}`,
    ...findings.flatMap(({ severity, what, evidence, fix }) => [
      ...wrap(what, `  ${`${severity}:`.padEnd(10)} `),
      ...wrap(evidence, "    because: "),
      ...wrap(fix, "    fix:     "),
    ]),
  ];
}
