// SPDX-License-Identifier: MIT
/** What each file of the closure is used for: symbols and versions, and who wants them. */
import { noSection } from "../elf/symbol-table.js";
import type { Constituents, LoadedObject } from "./closure.js";
import type { RuntimeNames } from "./runtime-names.js";
import type { Inspection } from "./schema.js";
import type { SymbolIndex } from "./symbol-lookup.js";

type LibraryUse = Inspection["libraries"][number];

export function describeLibraries(
  closure: Constituents,
  symbols: SymbolIndex,
  runtimeNames: RuntimeNames,
): readonly LibraryUse[] {
  const uses = boundSymbols(closure, symbols);
  const namersOf = (index: number) =>
    runtimeNames.libraries.filter(({ name }) => closure.loader?.byName.get(name) === index);
  return closure.objects.map((object, index) => ({
    path: object.path,
    ...(object.soname === undefined ? {} : { soname: object.soname }),
    needed: [...object.needed],
    ...(object.file.buildId === undefined ? {} : { buildId: object.file.buildId }),
    sizeBytes: object.sizeBytes,
    reason: object.reason,
    namedBy: [...new Set(namersOf(index).map(({ evidence }) => evidence))],
    boundSymbols: [...(uses[index]?.values() ?? [])],
    versions: versionsOf(closure, object),
  }));
}

/** What the others want of an object by DT_VERNEED. */
function versionsOf({ objects }: Constituents, { soname, name }: LoadedObject): LibraryUse["versions"] {
  const users = new Map<string, string[]>();
  for (const user of objects) {
    for (const { library, version } of user.file.neededVersions) {
      if (library !== (soname ?? name)) continue;
      const known = users.get(version);
      if (known === undefined) users.set(version, [user.name]);
      else known.push(user.name);
    }
  }
  return [...users].map(([version, wanting]) => ({ name: version, users: wanting }));
}

type BoundSymbol = LibraryUse["boundSymbols"][number];

/** For each object what the others bind from it, by name and version. */
function boundSymbols(closure: Constituents, symbols: SymbolIndex): readonly Map<string, BoundSymbol>[] {
  const uses = closure.objects.map(() => new Map<string, BoundSymbol>());
  closure.objects.forEach(({ name, file }, user) => {
    const { dynamicSymbolTable: table } = file;
    for (let symbol = 0; symbol < table.count; symbol++) {
      if (table.sections[symbol] !== noSection.undefined) continue;
      const symbolName = table.nameOf(symbol);
      if (symbolName === "") continue;
      const version = table.versionOf(symbol)?.name;
      const found = symbols.lookup(symbolName, version);
      if (found === undefined || found.object === user) continue;
      const key = `${symbolName}@${version ?? ""}`;
      const known = uses[found.object]?.get(key);
      if (known === undefined) {
        const bound = { name: symbolName, ...(version === undefined ? {} : { version }), users: [name] };
        uses[found.object]?.set(key, bound);
      } else known.users.push(name);
    }
  });
  return uses;
}
