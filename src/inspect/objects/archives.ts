// SPDX-License-Identifier: MIT
/** What a program took from each archive, and for whom. */
import type { Inspection } from "../schema.js";
import type { Program } from "./resolve.js";
import type { Unit } from "./unit.js";

type LibraryUse = Inspection["libraries"][number];
type BoundSymbol = LibraryUse["boundSymbols"][number];

/** In the order of the link; without the archive that is the target itself, and those that gave nothing. */
export function describeArchives(program: Program, target: string): readonly LibraryUse[] {
  const uses = boundSymbols(program);
  return program.archives
    .filter(({ path }) => path !== target)
    .map(({ path, sizeBytes, members }) => ({
      path,
      needed: [],
      sizeBytes,
      reason: "needed" as const,
      namedBy: [],
      boundSymbols: members.flatMap(({ unit }) => uses.get(unit) ?? []),
      versions: [],
      members: members.map(({ name }) => name),
    }));
}

/** For each unit, what units of other archives and objects of their own bind from it. */
function boundSymbols({ units, names }: Program): ReadonlyMap<Unit, readonly BoundSymbol[]> {
  const uses = new Map<Unit, Map<string, BoundSymbol>>();
  for (const user of units) {
    const owner = user.archive ?? user.name;
    for (const { section, binding, name } of user.file.symbols) {
      if (section !== "undefined" || binding === "local") continue;
      const definer = names.get(name)?.definition?.unit;
      if (definer === undefined || (definer.archive ?? definer.name) === owner) continue;
      const bound = uses.get(definer) ?? new Map<string, BoundSymbol>();
      uses.set(definer, bound);
      const known = bound.get(name);
      if (known === undefined) bound.set(name, { name, users: [owner] });
      else if (!known.users.includes(owner)) known.users.push(owner);
    }
  }
  return new Map([...uses].map(([unit, bound]) => [unit, [...bound.values()]]));
}
