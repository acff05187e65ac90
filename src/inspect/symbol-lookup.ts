// SPDX-License-Identifier: MIT
/**
 * Which definition a reference binds to: `do_lookup_x` and `check_match` of glibc's elf/dl-lookup.c, and
 * `find_sym` of musl's ldso/dynlink.c, which knows no versions.
 *
 * One difference is meant: the PLT entry by which a program at fixed addresses stands in for a library's
 * function is no definition here, because a call through it ends in the library.
 */
import { DT, STB, STT, STV } from "../elf/constants.js";
import { dynamicValue } from "../elf/dynamic.js";
import { Fields } from "../elf/fields.js";
import type { ElfFile } from "../elf/file.js";
import { hashName } from "../elf/symbol-names.js";
import { noSection, type SymbolTable } from "../elf/symbol-table.js";
import { describeSymbol, type ElfSymbol } from "../elf/symbols.js";
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

/** The symbols of an object in the scope. */
interface Definitions {
  readonly object: number;
  readonly table: SymbolTable;
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
const definingTypes = new Set<number>([
  ...[STT.NOTYPE, STT.OBJECT, STT.FUNC, STT.COMMON, STT.TLS, STT.GNU_IFUNC],
]);
const definingBindings = new Set<number>([STB.GLOBAL, STB.WEAK, STB.GNU_UNIQUE]);
const visible = new Set<number>([STV.DEFAULT, STV.PROTECTED]);

/** An index of all that is in the scope of the program. */
export function indexSymbols({ objects }: Pick<Constituents, "objects">): SymbolIndex {
  const isMusl = objects.some(({ reason, name }) => reason === "interpreter" && name.startsWith("ld-musl-"));
  const choose = isMusl ? chooseAnyVersion : chooseVersion;
  const scope = objects.flatMap((object, index) => (isInScope(object) ? definitionsOf(object, index) : []));
  // The version of symbols without one is called like the library (VER_FLG_BASE), and is not asked for.
  const baseVersions = new Set(objects.map(({ soname, name }) => soname ?? name));
  return {
    lookup(name, version, { skip, newest = false } = {}) {
      const wanted = version !== undefined && baseVersions.has(version) ? undefined : version;
      const hash = hashName(name);
      for (let place = 0; place < scope.length; place++) {
        const definitions = scope[place] as Definitions;
        const { object, table } = definitions;
        const named = table.named(name, hash);
        if (named.length === 0 || object === skip) continue;
        const candidates = named.filter((symbol) => isDefinition(table, symbol));
        const symbol = candidates.length > 0 && choose(definitions, candidates, wanted, newest);
        if (typeof symbol === "number") return { object, symbol: describeSymbol(table, symbol) };
      }
      return undefined;
    },
  };
}

function definitionsOf({ file }: LoadedObject, object: number): Definitions {
  return { object, table: file.dynamicSymbolTable, versionOf: versionReader(file) };
}

/** ld.so takes itself out of the scope when no object needs it. */
function isInScope(object: LoadedObject): boolean {
  return object.reason !== "interpreter" || object.neededBy !== undefined;
}

function isDefinition(
  { sections, values, types, bindings, visibilities }: SymbolTable,
  symbol: number,
): boolean {
  const section = sections[symbol] as number;
  const type = types[symbol] as number;
  if (section === noSection.undefined) return false;
  if (!definingBindings.has(bindings[symbol] as number) || !definingTypes.has(type)) return false;
  if (values[symbol] === 0 && section !== noSection.absolute && type !== STT.TLS) return false;
  return visible.has(visibilities[symbol] as number);
}

function versionReader(file: ElfFile): Definitions["versionOf"] {
  const address = dynamicValue(file.dynamic?.entries ?? [], DT.VERSYM);
  const bytes = address === undefined ? undefined : file.bytesAt(address, file.dynamicSymbolTable.count * 2);
  if (bytes === undefined) return undefined;
  const versions = new Fields(bytes, file.path, "the symbol version table");
  return (symbolIndex) => versions.u16(symbolIndex * 2);
}

const chooseVersion: Choose = ({ table, versionOf }, candidates, version, newest) => {
  if (versionOf === undefined) return candidates[0];
  if (version !== undefined) {
    return candidates.find((index) => {
      const entry = versionOf(index);
      return entry < oldestVersion || (namesVersion(entry) && table.versionOf(index)?.name === version);
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
