// SPDX-License-Identifier: MIT
/** Symbols are found by their names, whatever the hashes of these are, and made into columns again. */
import { beforeAll, describe, expect, test } from "vitest";
import { HashIndex, hashName, nobody } from "../../src/elf/symbol-names.js";
import type { SymbolTable } from "../../src/elf/symbol-table.js";
import { tabulateSymbols } from "../../src/elf/symbols.js";
import { openWorkshop } from "./toolchain.js";

const workshop = openWorkshop();
/** Two local functions of one name, names that are no ASCII, and one that is the end of another. */
const source = `
  .text
  same: ret
  gr\u00fc\u00dfe: ret
  long_name: ret
  name: ret`;

beforeAll(() => {
  workshop.assemble("first", source);
  workshop.assemble("second", source);
  workshop.run("ld", "-r", "-o", "both.o", "first.o", "second.o");
});

/** nm prints symbols in the order of the table when it is told not to sort. */
function placesByName(): ReadonlyMap<string, string[]> {
  const places = new Map<string, string[]>();
  for (const [, value = "", name = ""] of workshop.run("nm", "-p", "both.o").matchAll(/^(\w+) t (\S+)$/gm))
    places.set(name, [...(places.get(name) ?? []), value]);
  expect([...places.keys()]).toHaveLength(4);
  return places;
}

const found = (table: SymbolTable, name: string) =>
  table.named(name).map((symbol) => table.exactValueOf(symbol).toString(16).padStart(16, "0"));

describe("symbols are found by name as nm lists them", () => {
  test("in the table of a file", () => {
    const table = workshop.parse("both.o").symbolTable;
    for (const [name, places] of placesByName()) expect([name, found(table, name)]).toEqual([name, places]);
    for (const name of ["ame", "long", "nowhere"]) expect(table.named(name)).toEqual([]);
  });

  test("in one that is made of symbols, whose columns are the same", () => {
    const { symbols, symbolTable } = workshop.parse("both.o");
    const again = tabulateSymbols(symbols);
    for (const [name, places] of placesByName()) expect([name, found(again, name)]).toEqual([name, places]);
    for (const column of ["types", "bindings", "visibilities", "sections", "values", "sizes"] as const)
      expect(again[column]).toEqual(symbolTable[column]);
    expect(again.hashes()).toEqual(symbolTable.hashes());
  });
});

test("entries of one hash are found in their order, and no others", () => {
  const hashes = Uint32Array.of(7, 7 + 1024, 3, 7, 0, 7);
  const index = new HashIndex(hashes);
  const all = (hash: number) => {
    const entries: number[] = [];
    for (let entry = index.first(hash); entry !== nobody; entry = index.next(entry)) entries.push(entry);
    return entries;
  };
  for (const hash of [0, 3, 7, 7 + 1024, 9])
    expect(all(hash)).toEqual([...hashes.keys()].filter((entry) => hashes[entry] === hash));
  expect(new HashIndex(new Uint32Array()).first(hashName("main"))).toBe(nobody);
});
