// SPDX-License-Identifier: MIT
/** Functions and their names. What reports call functions: by symbol where there is one, else by address. */
import type { Graph, GraphNode } from "./graph.js";
import type { Place } from "./loaded-object.js";
import type { Module } from "./module.js";

/** Made when a function of a module is first asked for, since a library has thousands. */
const namesOf = new WeakMap<Module, ReadonlyMap<number, string>>();

/** `library:symbol`, or `library:0xaddress`. */
export function qualifiedName({ module, start }: GraphNode): string {
  return `${placeIn(module, start).library}:${functionName(module, start)}`;
}

export function functionName(module: Module, start: number): string {
  const names = namesOf.get(module) ?? functionNames(module);
  namesOf.set(module, names);
  return names.get(start) ?? `0x${placeIn(module, start).offset.toString(16)}`;
}

/** The file that an address is from, and where in it. */
export function placeIn({ name, placeOf }: Module, address: number): Place {
  return placeOf?.(address) ?? { library: name, offset: address };
}

/** Of several names of one function the dynamic symbol table's is taken: the one that others call it by. */
function functionNames({ file }: Module): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const symbol of [...file.symbols, ...file.dynamicSymbols]) {
    if (symbol.type !== "function" && symbol.type !== "ifunc") continue;
    if (typeof symbol.section === "number" && symbol.name !== "")
      names.set(Number(symbol.value), symbol.name);
  }
  return names;
}

export type FindFunction = (name: string) => GraphNode | undefined;

/** Finds a function as the loader binds its name, or in a program that has all of its own by its symbols. */
export function functionFinder(graph: Graph): FindFunction {
  const [program] = graph.modules;
  if (program === undefined) return () => undefined;
  const own = ownFunctionsOf.get(program) ?? ownFunctions(program);
  ownFunctionsOf.set(program, own);
  return (name) => {
    const start = own.get(name);
    return start === undefined ? graph.functionNamed(name) : graph.functionAt(program, start);
  };
}

/** A large program has a hundred thousand, and several passes look for some. */
const ownFunctionsOf = new WeakMap<Module, ReadonlyMap<string, number>>();

function ownFunctions({ file }: Module): ReadonlyMap<string, number> {
  const own = new Map<string, number>();
  for (const { name, type, section, value } of file.symbols) {
    const isFunction = type === "function" || type === "ifunc";
    if (isFunction && typeof section === "number") own.set(name, Number(value));
  }
  return own;
}
