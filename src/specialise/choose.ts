// SPDX-License-Identifier: MIT
/** Which kernel an image gets: one for what it uses, or the generic one, with what the configuration adds or removes. */
import { basename } from "node:path";
import { type NeedsTable, tableOptions } from "./needs.js";
import { type ChosenOption, selectOptions, type Uses } from "./select.js";

export interface KernelWish {
  readonly base: "special" | "generic";
  readonly uses: Uses;
  /** The application calls functions of the kernel: what these need is not known. */
  readonly callsKernel: boolean;
  /** Why programs may use more than is known. */
  readonly open?: string | undefined;
  /** Kconfig options of the configuration, which win. Names begin with CONFIG_. */
  readonly configured: Readonly<Record<string, string | number>>;
}

export interface KernelChoice {
  readonly base: "special" | "generic";
  /** Why it is generic although a special one was wished for. */
  readonly because?: string;
  /** What was chosen over the base, with the reasons; sorted by name. */
  readonly options: readonly ChosenOption[];
  /** Where the configuration takes away what an application uses. */
  readonly notes: readonly string[];
}

export function chooseKernel(table: NeedsTable, wish: KernelWish): KernelChoice {
  const { base, uses, configured } = wish;
  if (base === "generic") return { base, options: [], notes: [] };
  const { options, notes } = configure(table, selectOptions(table, uses), configured);
  const because = reasonForGeneric(wish);
  return because === undefined ? { base, options, notes } : { base: "generic", because, options, notes };
}

/**
 * Option → value, for Kconfig: in a special kernel what the table has and nobody chose is off. A number has no "off";
 * it is left to Kconfig, as undefined.
 */
export function settingsOf(
  table: NeedsTable,
  { base, options }: KernelChoice,
): ReadonlyMap<string, string | undefined> {
  const all = base === "special" ? [...tableOptions(table)] : [];
  return new Map([
    ...all.map(([option, value]) => [option, value === "y" ? "n" : undefined] as const),
    ...options.map(({ option, value }) => [option, value] as const),
  ]);
}

/** A list that may be too short must not take anything away. */
function reasonForGeneric({ uses, callsKernel, open }: KernelWish): string | undefined {
  if (callsKernel) return "what the functions of kernel.symbols need is not known";
  if (open !== undefined) return open;
  const unclear = uses.programs.find(({ complete }) => !complete);
  if (unclear === undefined) return undefined;
  const { target, unknownSites } = unclear;
  const site = unknownSites.find(({ reached }) => reached);
  const where = site === undefined ? "" : `, such as in ${site.symbol}`;
  return `not all system calls of ${basename(target.path)} are known${where}`;
}

type Configured = Pick<KernelChoice, "options" | "notes">;

/** What the configuration turns on comes with its dependencies, and what it turns off takes its dependents along. */
function configure(
  table: NeedsTable,
  needed: readonly ChosenOption[],
  configured: KernelWish["configured"],
): Configured {
  const { requires } = table;
  const known = tableOptions(table);
  const own = Object.entries(configured).map(([name, value]) => [plain(name), String(value)] as const);
  const values = new Map(own);
  const removed = new Set(own.filter(([, value]) => value === "n").map(([option]) => option));
  for (const option of removed) {
    for (const row of requires) {
      if (row.needs === option && !values.has(row.option)) removed.add(row.option);
    }
  }
  const options = new Map(needed.map((option) => [option.option, option]));
  const notes = needed.flatMap(({ option, reasons: [reason] }) => {
    if (!removed.has(option) || reason === undefined) return [];
    return [`CONFIG_${option} is off as configured, although ${describe(reason)} needs it`];
  });
  for (const option of removed) options.delete(option);
  const reasons = [{ kind: "configuration", name: "kernel.options" }] as const;
  for (const [option, value] of own) if (value !== "n") options.set(option, { option, value, reasons });
  for (const option of options.keys()) {
    for (const { needs } of requires.filter((row) => row.option === option)) {
      if (options.has(needs) || removed.has(needs)) continue;
      const value = known.get(needs) ?? "y";
      options.set(needs, { option: needs, value, reasons: [{ kind: "option", name: option }] });
    }
  }
  const sorted = [...options.values()].sort((left, right) => (left.option < right.option ? -1 : 1));
  return { options: sorted, notes };
}

function plain(name: string): string {
  return name.replace(/^CONFIG_/, "");
}

export function describe({ kind, name }: ChosenOption["reasons"][number]): string {
  switch (kind) {
    case "call":
      return `the call ${name}`;
    case "path":
      return `the path ${name}`;
    case "family":
      return `a socket of ${name}`;
    case "feature":
      return `the use of ${name}`;
    case "option":
      return `CONFIG_${name}`;
    default:
      return name;
  }
}
