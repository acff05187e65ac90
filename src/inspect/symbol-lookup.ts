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
import { once } from "../elf/lazy.js";
import { HashIndex, hashName, nobody } from "../elf/symbol-names.js";
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
/** Bits by STT_*, STB_* and STV_*: one for each that a definition can have. */
const bits = (numbers: readonly number[]) => numbers.reduce((all, number) => all | (1 << number), 0);
const definingTypes = bits([STT.NOTYPE, STT.OBJECT, STT.FUNC, STT.COMMON, STT.TLS, STT.GNU_IFUNC]);
const definingBindings = bits([STB.GLOBAL, STB.WEAK, STB.GNU_UNIQUE]);
const visible = bits([STV.DEFAULT, STV.PROTECTED]);

/** An index of all that is in the scope of the program. Names are looked at when something is looked up. */
export function indexSymbols({ objects }: Pick<Constituents, "objects">): SymbolIndex {
  const isMusl = objects.some(({ reason, name }) => reason === "interpreter" && name.startsWith("ld-musl-"));
  const choose = isMusl ? chooseAnyVersion : chooseVersion;
  const scope = once(() => readScope(objects));
  // The version of symbols without one is called like the library (VER_FLG_BASE), and is not asked for.
  const baseVersions = new Set(objects.map(({ soname, name }) => soname ?? name));
  return {
    lookup(name, version, { skip, newest = false } = {}) {
      const wanted = version !== undefined && baseVersions.has(version) ? undefined : version;
      const { files, index, fileOf, symbolOf } = scope();
      let entry = index.first(hashName(name));
      while (entry !== nobody) {
        const file = fileOf[entry] as number;
        const definitions = files[file] as Definitions;
        const { object, table } = definitions;
        const candidates: number[] = [];
        for (; entry !== nobody && fileOf[entry] === file; entry = index.next(entry)) {
          const symbol = symbolOf[entry] as number;
          if (table.nameOf(symbol) === name) candidates.push(symbol);
        }
        if (object === skip || candidates.length === 0) continue;
        const chosen = choose(definitions, candidates, wanted, newest);
        if (chosen !== undefined) return { object, symbol: describeSymbol(table, chosen) };
      }
      return undefined;
    },
  };
}

/** All definitions, in the order in which they are searched. */
interface Scope {
  readonly files: readonly Definitions[];
  readonly index: HashIndex;
  readonly fileOf: Uint32Array;
  readonly symbolOf: Uint32Array;
}

function readScope(objects: Constituents["objects"]): Scope {
  const files = objects.flatMap((object, index) => (isInScope(object) ? definitionsOf(object, index) : []));
  const most = files.reduce((sum, { table }) => sum + table.count, 0);
  const fileOf = new Uint32Array(most);
  const symbolOf = new Uint32Array(most);
  const hashes = new Uint32Array(most);
  let count = 0;
  files.forEach(({ table }, file) => {
    const hashesOfFile = table.hashes();
    for (let symbol = 0; symbol < table.count; symbol++) {
      if (!isDefinition(table, symbol)) continue;
      fileOf[count] = file;
      symbolOf[count] = symbol;
      hashes[count++] = hashesOfFile[symbol] as number;
    }
  });
  return { files, index: new HashIndex(hashes.subarray(0, count)), fileOf, symbolOf };
}

function definitionsOf({ file }: LoadedObject, object: number): Definitions {
  return { object, table: file.dynamicSymbolTable, versionOf: versionReader(file) };
}

/** ld.so takes itself out of the scope when no object needs it. */
function isInScope(object: LoadedObject): boolean {
  return object.reason !== "interpreter" || object.neededBy !== undefined;
}

function isDefinition(table: SymbolTable, symbol: number): boolean {
  const section = table.sections[symbol] as number;
  const type = table.types[symbol] as number;
  if (section === noSection.undefined || ((definingTypes >>> type) & 1) === 0) return false;
  if (((definingBindings >>> (table.bindings[symbol] as number)) & 1) === 0) return false;
  if (table.values[symbol] === 0 && section !== noSection.absolute && type !== STT.TLS) return false;
  return ((visible >>> (table.visibilities[symbol] as number)) & 1) !== 0;
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
