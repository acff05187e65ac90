// SPDX-License-Identifier: MIT
/** What an update of a program or of its libraries changes in what it asks of the kernel. */
import { basename } from "node:path";
import { printable, wrap } from "./layout.js";
import type { Inspection } from "./schema.js";

export interface Difference {
  readonly syscalls: { readonly started: readonly StartedCall[]; readonly stopped: readonly string[] };
  readonly libraries: { readonly started: readonly string[]; readonly stopped: readonly string[] };
  /** Whether both lists of calls were complete: if not, a call may only have been found or lost from sight. */
  readonly complete: boolean;
}

interface StartedCall {
  readonly name: string;
  /** The first site that makes it, as `library:symbol`. */
  readonly site: string | undefined;
}

/** Libraries are compared by soname, so that the same one in another directory is no difference. */
export function differ(before: Inspection, after: Inspection): Difference {
  const callsBefore = new Set(before.syscalls.map(({ name }) => name));
  const callsAfter = new Map(after.syscalls.map(({ name, evidence }) => [name, evidence[0]]));
  const [librariesBefore, librariesAfter] = [libraryNames(before), libraryNames(after)];
  return {
    syscalls: {
      started: missingFrom(callsBefore, callsAfter.keys()).map((name) => {
        const site = callsAfter.get(name);
        return { name, site: site === undefined ? undefined : `${site.library}:${site.symbol}` };
      }),
      stopped: missingFrom(callsAfter, callsBefore),
    },
    libraries: {
      started: missingFrom(librariesBefore, librariesAfter),
      stopped: missingFrom(librariesAfter, librariesBefore),
    },
    complete: before.complete && after.complete,
  };
}

export function formatDifference(difference: Difference): string {
  const { syscalls, libraries, complete } = printable(difference);
  const width = Math.max(0, ...syscalls.started.map(({ name }) => name.length));
  const started = syscalls.started.map(({ name, site }) =>
    site === undefined ? name : `${name.padEnd(width)}  ${site}`,
  );
  const lines = [
    ...section("system calls that are new", "+", started),
    ...section("system calls that are gone", "-", syscalls.stopped),
    ...section("libraries that are new", "+", libraries.started),
    ...section("libraries that are gone", "-", libraries.stopped),
  ];
  if (lines.length === 0) lines.push("the same system calls and libraries");
  if (!complete) lines.push(...wrap("not all calls of both could be determined: this is no guarantee"));
  return `${lines.join("\n")}\n`;
}

function section(title: string, sign: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  return [`${title}: ${items.length}`, ...items.map((item) => `  ${sign} ${item}`)];
}

function missingFrom(
  names: ReadonlySet<string> | ReadonlyMap<string, unknown>,
  candidates: Iterable<string>,
): string[] {
  return [...candidates].filter((name) => !names.has(name)).sort();
}

/** The program itself is left out: its two versions have two paths. */
function libraryNames({ libraries }: Inspection): Set<string> {
  return new Set(
    libraries
      .filter(({ reason }) => reason !== "program")
      .map(({ soname, path }) => soname ?? basename(path)),
  );
}
