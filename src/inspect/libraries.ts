// SPDX-License-Identifier: MIT
/** What each file of the closure is used for, and what a thread's local storage costs. */
import { R_X86_64 } from "../elf/constants.js";
import type { Constituents } from "./closure.js";
import type { RuntimeNames } from "./runtime-names.js";
import type { Inspection } from "./schema.js";
import type { SymbolIndex } from "./symbol-lookup.js";

/** What a relocation of thread-local storage tells of its model. */
const tlsRelocations: ReadonlyMap<number, Inspection["tls"]["models"][number]> = new Map([
  [R_X86_64.DTPMOD64, "general-dynamic"],
  [R_X86_64.TPOFF64, "initial-exec"],
  [R_X86_64.TLSDESC, "descriptor"],
]);

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
  }));
}

type BoundSymbol = LibraryUse["boundSymbols"][number];

/** For each object what the others bind from it, by name and version. */
function boundSymbols(closure: Constituents, symbols: SymbolIndex): readonly Map<string, BoundSymbol>[] {
  const uses = closure.objects.map(() => new Map<string, BoundSymbol>());
  closure.objects.forEach(({ name, file }, user) => {
    for (const symbol of file.dynamicSymbols) {
      if (symbol.section !== "undefined" || symbol.name === "") continue;
      const version = symbol.version?.name;
      const found = symbols.lookup(symbol.name, version);
      if (found === undefined || found.object === user) continue;
      const key = `${symbol.name}@${version ?? ""}`;
      const known = uses[found.object]?.get(key);
      if (known === undefined) {
        const bound = { name: symbol.name, ...(version === undefined ? {} : { version }), users: [name] };
        uses[found.object]?.set(key, bound);
      } else known.users.push(name);
    }
  });
  return uses;
}

export function describeTls(closure: Constituents): Inspection["tls"] {
  const modules = closure.objects.flatMap(({ name, file: { tls } }) =>
    tls === undefined ? [] : [{ library: name, memoryBytes: tls.memsz, alignBytes: Math.max(tls.align, 1) }],
  );
  const used = closure.objects.flatMap(({ file }) =>
    file.dynamicRelocations.flatMap(({ type }) => tlsRelocations.get(type) ?? []),
  );
  const local = closure.objects[0]?.file.tls === undefined ? [] : ["local-exec" as const];
  const staticBytes = modules.reduce(
    (sum, { memoryBytes, alignBytes }) => Math.ceil((sum + memoryBytes) / alignBytes) * alignBytes,
    0,
  );
  return { staticBytes, modules, models: [...new Set([...local, ...used])] };
}
