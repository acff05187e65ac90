// SPDX-License-Identifier: MIT
/**
 * What every Debian system has, whatever is installed: the shell that commands are given to, and data of essential
 * packages. A program gets of these what it may ask for.
 */
import { posix } from "node:path";
import type { FileView } from "../host/file-view.js";

interface Asker {
  /** Of the inspection: what the program looks for, what it is loaded with, and what shows. */
  readonly files: readonly { readonly path: string; readonly kind: string }[];
  readonly libraries: readonly { readonly path: string }[];
  readonly features: readonly { readonly name: string }[];
  readonly complete: boolean;
}

export interface AskedFor {
  /** It runs programs that others write: what they ask for, its own code does not tell. */
  readonly isInterpreter: boolean;
  readonly asker: Asker;
}

/** Code in languages that are interpreted, or compiled while they run. */
const code = /\.(?:py|p[lm]|rb|php|lua|tcl|[cm]?js|go|scm|el|jar|jmod|beam|raku|r|awk)$|\/lib\/modules$/;

/** By what comes with it: a script, or a library in its language. */
export function isInterpreter(scripts: readonly string[], data: readonly string[]): boolean {
  return scripts.length > 0 || data.some(isCode);
}

export function isCode(path: string): boolean {
  return code.test(path);
}

export const shellPath = "/bin/sh";

/** Whether the program can give commands to a shell: system(3), popen(3), and what a text of it names. */
export function needsShell(
  { isInterpreter: runsOthers, asker }: AskedFor,
  texts: readonly Uint8Array[],
): boolean {
  const { files, features, complete } = asker;
  if (files.some(({ kind, path }) => kind === "program" && path.endsWith("/sh"))) return true;
  const canExecute = !complete || features.some(({ name }) => name === "exec");
  if (!canExecute) return false;
  return (
    runsOthers ||
    texts.some((text) => Buffer.from(text.buffer, text.byteOffset, text.length).includes(shellPath))
  );
}

/** Databases of names: of the package netbase. */
const databases = ["/etc/services", "/etc/protocols", "/etc/networks", "/etc/rpc", "/etc/ethertypes"];
const systemName = ["/etc/os-release", "/usr/lib/os-release", "/etc/debian_version"];
/** Of the packages ncurses-base and ncurses-term: those that people sit at. */
const terminals =
  "ansi dumb linux rxvt rxvt-256color screen screen-256color tmux tmux-256color vt100 vt102 vt220 xterm xterm-256color xterm-color xterm-mono".split(
    " ",
  );
const terminalDirectories = ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo"];
const terminalLibrary = /^lib(?:tinfo|ncurses|curses|slang|termcap|edit|readline)/;
/** The only one that every system has beside C and POSIX: of the package libc-bin. */
const locales = ["/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8"];
const zones = "/usr/share/zoneinfo";
/** The same once more, and with leap seconds. */
const otherZones = /^(?:posix|right)$/;

/** The paths of the view, files and directories with what is in them, that a program may ask for. */
export function essentialPaths(
  view: FileView,
  { isInterpreter: runsOthers, asker: { files, libraries } }: AskedFor,
  timeZone: string | undefined,
): readonly string[] {
  const asks = (path: string) => runsOthers || files.some((file) => file.path === path);
  const asksKind = (kind: string) => runsOthers || files.some((file) => file.kind === kind);
  const usesTerminals =
    runsOthers || libraries.some(({ path }) => terminalLibrary.test(posix.basename(path)));
  return [
    ...[...databases, ...systemName].filter(asks),
    ...(usesTerminals ? terminalDirectories.flatMap((directory) => terminalsIn(directory)) : []),
    ...(asksKind("locale") ? locales : []),
    ...(runsOthers ? view.names(zones) : [])
      .filter((name) => !otherZones.test(name))
      .map((name) => `${zones}/${name}`),
    ...(asksKind("timezone") && timeZone !== undefined ? zoneOf(timeZone) : []),
  ];
}

function terminalsIn(directory: string): readonly string[] {
  return terminals.map((name) => `${directory}/${name[0]}/${name}`);
}

/** Of the variable TZ, tzset(3): a name, perhaps behind a colon. */
function zoneOf(timeZone: string): readonly string[] {
  const name = timeZone.replace(/^:/, "");
  return /^(?:[A-Za-z0-9_+-]+\/)*[A-Za-z0-9_+-]+$/.test(name) ? [`${zones}/${name}`] : [];
}
