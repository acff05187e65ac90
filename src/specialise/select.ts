// SPDX-License-Identifier: MIT
/**
 * From what the programs of an image use to the kernel options that they need, each with its reasons.
 *
 * An image holds all programs that can ever run in it. So the uses of all of them together decide; where one of them
 * was not understood, nothing can be left out.
 */
import { callsInImage, firstChain } from "../image-calls.js";
import { type Excuse, type Need, type NeedsTable, splitOption, tableOptions } from "./needs.js";
import { isWithin, mayMatch } from "./paths.js";

/** Of an inspection what is read here. */
export interface ProgramUses {
  readonly complete: boolean;
  readonly target: { readonly path: string; readonly interp?: string | undefined };
  readonly unknownSites: readonly { readonly symbol: string; readonly reached: boolean }[];
  readonly syscalls: readonly {
    readonly name: string;
    readonly layers: readonly string[];
    readonly functions: readonly string[];
    readonly evidence: readonly { readonly root: string; readonly chain: readonly string[] }[];
  }[];
  readonly files: readonly {
    readonly path: string;
    readonly evidence: string;
    readonly mentionedBy?: readonly string[] | undefined;
  }[];
  readonly features: readonly { readonly name: string; readonly evidence: string }[];
  readonly socketFamilies: readonly { readonly name: string; readonly evidence: string }[];
}

/** Why an option is there. */
export interface Reason {
  readonly kind: "always" | "call" | "path" | "family" | "feature" | "option" | "configuration";
  readonly name: string;
  /** How the program gets there, or where it says so. */
  readonly evidence?: string;
}

export interface ChosenOption {
  /** Without CONFIG_. */
  readonly option: string;
  readonly value: string;
  readonly reasons: readonly Reason[];
}

export interface Uses {
  readonly programs: readonly ProgramUses[];
  /** What the configuration says: paths in arguments and files, several CPUs. */
  readonly others: readonly Reason[];
}

/** Sorted by name, so that applications with the same needs have the same list. */
export function selectOptions(table: NeedsTable, uses: Uses): readonly ChosenOption[] {
  const asked = [...uses.programs.flatMap((program) => usesOf(table, program, uses)), ...uses.others];
  const reasons = new Map<string, Reason[]>();
  const add = (option: string, reason: Reason) => {
    const known = reasons.get(option);
    if (known === undefined) reasons.set(option, [reason]);
    else if (!known.some(({ kind, name }) => kind === reason.kind && name === reason.name))
      known.push(reason);
  };
  for (const need of table.needs) {
    const matching = need.always
      ? [{ kind: "always", name: need.reason } as const]
      : asked.filter((reason) => asksFor(need, reason));
    for (const text of need.options) for (const reason of matching) add(splitOption(text)[0], reason);
  }
  for (const option of reasons.keys()) {
    // What is added on the way comes last in the map, and gets its turn.
    for (const { needs } of table.requires.filter((row) => row.option === option)) {
      if (!reasons.has(needs)) add(needs, { kind: "option", name: option });
    }
  }
  return [...tableOptions(table)].flatMap(([option, value]) => {
    const found = reasons.get(option);
    return found === undefined ? [] : [{ option, value, reasons: found }];
  });
}

function asksFor({ calls, paths, families, features }: Need, { kind, name }: Reason): boolean {
  if (kind === "path") return paths?.some((glob) => mayMatch(name, glob)) ?? false;
  const names = { call: calls, family: families, feature: features }[kind as string];
  return names?.includes(name) ?? false;
}

function usesOf(table: NeedsTable, program: ProgramUses, { programs }: Uses): readonly Reason[] {
  const calls = callsInImage(program);
  const made = new Set(programs.flatMap((each) => callsInImage(each)).map(({ name }) => name));
  const isExcused = (
    names: keyof Excuse & ("calls" | "paths"),
    name: string,
    functions?: readonly string[],
  ) => table.withoutNeed.some((excuse) => excuses(excuse, { names, name, functions, made }));
  return [
    ...calls
      .filter(({ name, functions }) => !isExcused("calls", name, functions))
      .map(({ name, evidence }): Reason => {
        const chain = firstChain(evidence);
        return { kind: "call", name, ...(chain === undefined ? {} : { evidence: chain }) };
      }),
    ...program.files
      .filter(({ path, mentionedBy }) => path.startsWith("/") && !isExcused("paths", path, mentionedBy))
      .map(({ path, evidence }): Reason => ({ kind: "path", name: path, evidence })),
    ...program.socketFamilies.map(({ name, evidence }): Reason => ({ kind: "family", name, evidence })),
    ...program.features.map(({ name, evidence }): Reason => ({ kind: "feature", name, evidence })),
  ];
}

interface Use {
  readonly names: "calls" | "paths";
  readonly name: string;
  readonly functions: readonly string[] | undefined;
  readonly made: ReadonlySet<string>;
}

function excuses(excuse: Excuse, { names, name, functions = [], made }: Use): boolean {
  const isNamed = excuse[names]?.some((each) => (names === "calls" ? each === name : isWithin(name, each)));
  if (!isNamed || excuse.unlessCalls?.some((call) => made.has(call))) return false;
  const own = excuse.functions;
  return (
    own === undefined || (functions.length > 0 && functions.every((each) => own.includes(plainName(each))))
  );
}

/** A function without its library, and without what the compiler adds to the name of a part of it. */
function plainName(qualified: string): string {
  return qualified.slice(qualified.lastIndexOf(":") + 1).replace(/\.(?:part|cold|constprop|isra)\b.*$/, "");
}
