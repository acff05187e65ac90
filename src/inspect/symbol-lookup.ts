// SPDX-License-Identifier: MIT
/**
 * Which definition a reference binds to: `do_lookup_x` and `check_match` of glibc's elf/dl-lookup.c, and
 * `find_sym` of musl's ldso/dynlink.c, which knows no versions.
 *
 * One difference is meant: the PLT entry by which a program at fixed addresses stands in for a library's
 * function is no definition here, because a call through it ends in the library.
 */
import { DT } from "../elf/constants.js";
import { dynamicValue } from "../elf/dynamic.js";
import { Fields } from "../elf/fields.js";
import type { ElfFile } from "../elf/file.js";
import { once } from "../elf/lazy.js";
import type { ElfSymbol } from "../elf/symbols.js";
import type { Constituents, LoadedObject } from "./closure.js";

interface SymbolBinding {
  /** Index in the objects of the closure. */
  readonly object: number;
  readonly symbol: ElfSymbol;
}

interface LookupOptions {
  /** Index of an object that is passed over: for a copy relocation, the program it is in. */
  readonly skip?: number;
  /** Without a version, the newest definition and not the oldest: as dlsym(3) asks. */
  readonly newest?: boolean;
}

/** Undefined for what nothing defines, as a weak reference may have it. */
export interface SymbolIndex {
  lookup(name: string, version: string | undefined, options?: LookupOptions): SymbolBinding | undefined;
}

/** The definitions of an object, by name, as indices of dynamic symbols in the order of the table. */
interface Definitions {
  readonly symbols: readonly ElfSymbol[];
  readonly byName: ReadonlyMap<string, number | readonly number[]>;
  /** The entry of `.gnu.version`; undefined in an object without versions. */
  readonly versionOf: ((symbolIndex: number) => number) | undefined;
}

type Choose = (
  definitions: Definitions,
  candidates: readonly number[],
  version: string | undefined,
  newest: boolean,
) => number | undefined;

/** The top bit of an entry of `.gnu.version`: an old version, kept for those that ask for it. */
const hiddenBit = 0x8000;
/** Entries 0 and 1 name no version; 2 is the oldest one. */
const oldestVersion = 2;
const definingTypes = new Set<ElfSymbol["type"]>(["none", "object", "function", "common", "tls", "ifunc"]);
const definingBindings = new Set<ElfSymbol["binding"]>(["global", "weak", "unique"]);

/** An index of all that is in the scope of the program. Names are read from an object when a search gets there. */
export function indexSymbols({ objects }: Pick<Constituents, "objects">): SymbolIndex {
  const isMusl = objects.some(({ reason, name }) => reason === "interpreter" && name.startsWith("ld-musl-"));
  const choose = isMusl ? chooseAnyVersion : chooseVersion;
  const scope = objects.flatMap((object, index) =>
    isInScope(object) ? [{ index, definitions: once(() => definitionsOf(object.file)) }] : [],
  );
  // The version of symbols without one is called like the library (VER_FLG_BASE), and is not asked for.
  const baseVersions = new Set(objects.map(({ soname, name }) => soname ?? name));
  return {
    lookup(name, version, { skip, newest = false } = {}) {
      const wanted = version !== undefined && baseVersions.has(version) ? undefined : version;
      for (const { index, definitions } of scope) {
        if (index === skip) continue;
        const candidates = definitions().byName.get(name);
        if (candidates === undefined) continue;
        const list = typeof candidates === "number" ? [candidates] : candidates;
        const symbol = definitions().symbols[choose(definitions(), list, wanted, newest) ?? -1];
        if (symbol !== undefined) return { object: index, symbol };
      }
      return undefined;
    },
  };
}

/** ld.so takes itself out of the scope when no object needs it. */
function isInScope(object: LoadedObject): boolean {
  return object.reason !== "interpreter" || object.neededBy !== undefined;
}

/** An index is made anew when more is loaded; what a file defines stays the same. */
const known = new WeakMap<ElfFile, Definitions>();

function definitionsOf(file: ElfFile): Definitions {
  const definitions = known.get(file) ?? readDefinitions(file);
  known.set(file, definitions);
  return definitions;
}

function readDefinitions(file: ElfFile): Definitions {
  const symbols = file.dynamicSymbols;
  const byName = new Map<string, number | number[]>();
  for (const [index, symbol] of symbols.entries()) {
    if (!isDefinition(symbol)) continue;
    const { name } = symbol;
    const others = byName.get(name);
    if (others === undefined) byName.set(name, index);
    else if (typeof others === "number") byName.set(name, [others, index]);
    else others.push(index);
  }
  return { symbols, byName, versionOf: versionReader(file) };
}

function isDefinition(symbol: ElfSymbol): boolean {
  const { section, value, type, binding, visibility } = symbol;
  if (section === "undefined" || !definingBindings.has(binding) || !definingTypes.has(type)) return false;
  if (value === 0n && section !== "absolute" && type !== "tls") return false;
  return visibility === "default" || visibility === "protected";
}

function versionReader(file: ElfFile): Definitions["versionOf"] {
  const address = dynamicValue(file.dynamic?.entries ?? [], DT.VERSYM);
  const bytes = address === undefined ? undefined : file.bytesAt(address, file.dynamicSymbols.length * 2);
  if (bytes === undefined) return undefined;
  const versions = new Fields(bytes, file.path, "the symbol version table");
  return (symbolIndex) => versions.u16(symbolIndex * 2);
}

const chooseVersion: Choose = ({ symbols, versionOf }, candidates, version, newest) => {
  if (versionOf === undefined) return candidates[0];
  if (version !== undefined) {
    return candidates.find((index) => {
      const entry = versionOf(index);
      return entry < oldestVersion || (namesVersion(entry) && symbols[index]?.version?.name === version);
    });
  }
  const limit = newest ? oldestVersion : oldestVersion + 1;
  const early = candidates.find((index) => (versionOf(index) & ~hiddenBit) < limit);
  if (early !== undefined) return early;
  const current = candidates.filter((index) => versionOf(index) < hiddenBit);
  return current.length === 1 ? current[0] : undefined;
};

function namesVersion(entry: number): boolean {
  return (entry & ~hiddenBit) >= oldestVersion;
}

const chooseAnyVersion: Choose = ({ versionOf }, candidates) =>
  candidates.find((index) => versionOf === undefined || versionOf(index) < hiddenBit);
