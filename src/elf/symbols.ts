// SPDX-License-Identifier: MIT
/** Symbols as objects, for those who look at few of them, or make some. Names are decoded when asked for. */
import { STB, STT } from "./constants.js";
import { hashName, nameFinder } from "./symbol-names.js";
import { emptyColumns, noSection, type SymbolTable } from "./symbol-table.js";
import type { SymbolVersion } from "./versions.js";

type SymbolBinding = "local" | "global" | "weak" | "unique" | "other";
type SymbolVisibility = "default" | "internal" | "hidden" | "protected";
type SymbolType = "none" | "object" | "function" | "section" | "file" | "common" | "tls" | "ifunc" | "other";

/** Where a symbol is defined when it is in no section; "other" is an index reserved by a processor or OS. */
type SpecialSection = keyof typeof noSection;

export interface ElfSymbol {
  /** Decoded at first use. Throws UKL-208. */
  readonly name: string;
  /** An address; in a relocatable file an offset in its section; for "common" an alignment. */
  readonly value: bigint;
  /** In bytes; 0 when unknown. */
  readonly size: number;
  readonly binding: SymbolBinding;
  readonly type: SymbolType;
  readonly visibility: SymbolVisibility;
  /** Index of the section it is defined in, also when the file has 65280 sections or more. */
  readonly section: number | SpecialSection;
  /** Only in the dynamic symbol table. */
  readonly version: SymbolVersion | undefined;
}

const types: ReadonlyMap<number, SymbolType> = new Map([
  [STT.NOTYPE, "none"],
  [STT.OBJECT, "object"],
  [STT.FUNC, "function"],
  [STT.SECTION, "section"],
  [STT.FILE, "file"],
  [STT.COMMON, "common"],
  [STT.TLS, "tls"],
  [STT.GNU_IFUNC, "ifunc"],
]);
const bindings: ReadonlyMap<number, SymbolBinding> = new Map([
  [STB.LOCAL, "local"],
  [STB.GLOBAL, "global"],
  [STB.WEAK, "weak"],
  [STB.GNU_UNIQUE, "unique"],
]);
/** By STV_*. */
const visibilities = ["default", "internal", "hidden", "protected"] as const;
/** By `noSection`, which counts down from -1. */
const specialSections: readonly SpecialSection[] = ["undefined", "absolute", "common", "other"];

/** All symbols of a table, so that places in the array are symbol indices. */
export function describeSymbols(table: SymbolTable): readonly ElfSymbol[] {
  return Array.from({ length: table.count }, (_, index) => describeSymbol(table, index));
}

export function describeSymbol(table: SymbolTable, index: number): ElfSymbol {
  return new TableSymbol(table, index);
}

/** The other direction: symbols that are in no file's table. */
export function tabulateSymbols(symbols: readonly ElfSymbol[]): SymbolTable {
  const columns = emptyColumns(symbols.length);
  symbols.forEach((symbol, index) => {
    columns.types[index] = keyOf(types, symbol.type);
    columns.bindings[index] = keyOf(bindings, symbol.binding);
    columns.visibilities[index] = visibilities.indexOf(symbol.visibility);
    const { section } = symbol;
    columns.sections[index] = typeof section === "number" ? section : noSection[section];
    columns.values[index] = Number(symbol.value);
    columns.sizes[index] = symbol.size;
  });
  const nameOf = (symbol: number) => symbols[symbol]?.name ?? "";
  return {
    ...columns,
    nameOf,
    ...nameFinder(symbols.length, (symbol) => hashName(nameOf(symbol)), nameOf),
    exactValueOf: (symbol) => symbols[symbol]?.value ?? 0n,
    versionOf: (symbol) => symbols[symbol]?.version,
  };
}

/** A number without a meaning for "other". */
const otherNumber = 15;

function keyOf<Name>(names: ReadonlyMap<number, Name>, wanted: Name): number {
  for (const [number, name] of names) if (name === wanted) return number;
  return otherNumber;
}

class TableSymbol implements ElfSymbol {
  readonly #table: SymbolTable;
  readonly #index: number;

  constructor(table: SymbolTable, index: number) {
    this.#table = table;
    this.#index = index;
  }

  get name(): string {
    return this.#table.nameOf(this.#index);
  }

  get value(): bigint {
    return this.#table.exactValueOf(this.#index);
  }

  get size(): number {
    return this.#table.sizes[this.#index] as number;
  }

  get binding(): SymbolBinding {
    return bindings.get(this.#table.bindings[this.#index] as number) ?? "other";
  }

  get type(): SymbolType {
    return types.get(this.#table.types[this.#index] as number) ?? "other";
  }

  get visibility(): SymbolVisibility {
    return visibilities[this.#table.visibilities[this.#index] as 0 | 1 | 2 | 3];
  }

  get section(): number | SpecialSection {
    const section = this.#table.sections[this.#index] as number;
    return section >= 0 ? section : (specialSections[-1 - section] ?? "other");
  }

  get version(): SymbolVersion | undefined {
    return this.#table.versionOf(this.#index);
  }
}
