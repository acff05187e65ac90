// SPDX-License-Identifier: MIT
/** Functions and their names. What reports call functions: by symbol where there is one, else by address. */
import { isFunction } from "../elf/symbol-table.js";
import type { Graph, GraphNode } from "./graph.js";
import type { Place } from "./loaded-object.js";
import type { Module } from "./module.js";

/** Made when a function of a module is first asked for, since a library has thousands. */
const symbolsOf = new WeakMap<Module, ReadonlyMap<number, number>>();

/** `library:symbol`, or `library:0xaddress`. */
export function qualifiedName({ module, start }: GraphNode): string {
  return `${placeIn(module, start).library}:${functionName(module, start)}`;
}

export function functionName(module: Module, start: number): string {
  const symbols = symbolsOf.get(module) ?? functionSymbols(module);
  symbolsOf.set(module, symbols);
  const symbol = symbols.get(start);
  const name = symbol === undefined ? "" : symbolName(module, symbol);
  return name || `0x${placeIn(module, start).offset.toString(16)}`;
}

function symbolName({ file: { symbolTable, dynamicSymbolTable } }: Module, symbol: number): string {
  const { count } = symbolTable;
  return symbol < count ? symbolTable.nameOf(symbol) : dynamicSymbolTable.nameOf(symbol - count);
}

/** The file that an address is from, and where in it. */
export function placeIn({ name, placeOf }: Module, address: number): Place {
  return placeOf?.(address) ?? { library: name, offset: address };
}

/**
 * The symbol of each function, those of the dynamic symbol table counted behind the others. Of several names of one
 * function its last is taken: that which others call it by.
 */
function functionSymbols({ file }: Module): ReadonlyMap<number, number> {
  const symbols = new Map<number, number>();
  let first = 0;
  for (const table of [file.symbolTable, file.dynamicSymbolTable]) {
    for (let symbol = 0; symbol < table.count; symbol++) {
      if (isFunction(table, symbol)) symbols.set(table.values[symbol] as number, first + symbol);
    }
    first += table.count;
  }
  return symbols;
}

export type FindFunction = (name: string) => GraphNode | undefined;

/** Finds a function as the loader binds its name, or in a program that has all of its own by its symbols. */
export function functionFinder(graph: Graph): FindFunction {
  const [program] = graph.modules;
  if (program === undefined) return () => undefined;
  const { symbolTable } = program.file;
  return (name) => {
    const own = symbolTable.named(name).findLast((symbol) => isFunction(symbolTable, symbol));
    if (own === undefined) return graph.functionNamed(name);
    return graph.functionAt(program, symbolTable.values[own] as number);
  };
}
