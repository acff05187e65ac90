// SPDX-License-Identifier: MIT
/**
 * Dead code goes: the kernel object without functions and data that nothing in the image refers to.
 *
 * ld has --gc-sections, which would do for code alone. But the kernel's side tables (exceptions,
 * alternatives, locks, bugs, static calls) refer to the code that they are about, so a linker has to keep
 * either all of that code or lose the tables. Here a record goes with its code.
 *
 * The roots are what the other objects of the link refer to, above all the dispatch of system calls, what
 * the kernel's linker script names, and every section with a meaning of its own (./section-kinds.ts).
 */
import type { ElfFile } from "../../elf/file.js";
import { findLivePieces, type Roots } from "./liveness.js";
import { type KernelObject, readKernelObject } from "./object.js";
import { cutIntoPieces } from "./pieces.js";
import { pruneObject } from "./prune.js";

export interface CollectRequest {
  /** The bytes of vmlinux.o. Its symbols that others define too have to be weak. */
  readonly object: Uint8Array;
  /** What messages call it. */
  readonly path: string;
  /** Its linker script. */
  readonly script: string;
  /** The objects it is linked with. */
  readonly others: readonly ElfFile[];
  /** More symbols that are needed. */
  readonly neededSymbols: readonly string[];
  /** Has side tables keep what they refer to, as a linker would; for comparison. */
  readonly keepSideTables?: boolean;
}

/** The bytes of an object to link instead. Throws UKL-202 to UKL-208 and UKL-210. */
export function collectDeadCode(request: CollectRequest): Buffer {
  const object = readKernelObject(request.object, request.path);
  const roots = findRoots(object, request);
  const pieces = cutIntoPieces(object, request.keepSideTables !== true);
  const live = findLivePieces(object, pieces, roots);
  return pruneObject(object, pieces, live, roots.replaced);
}

function findRoots({ symbols }: KernelObject, request: CollectRequest): Roots {
  const named = new Set([...request.neededSymbols, ...identifiers(request.script)]);
  const defined = new Set<string>();
  for (const { symbols: others } of request.others) {
    for (const { name, section, binding } of others) {
      if (section === "undefined") named.add(name);
      else if (binding === "global") defined.add(name);
    }
  }
  const needed: number[] = [];
  const replaced = new Set<number>();
  for (let symbol = 1; symbol < symbols.count; symbol++) {
    if (symbols.binding[symbol] === 0) continue;
    const name = symbols.nameOf(symbol);
    if (defined.has(name)) replaced.add(symbol);
    else if (named.has(name)) needed.push(symbol);
  }
  return { needed, replaced };
}

/** Everything in a script that could be the name of a symbol. */
function identifiers(script: string): Iterable<string> {
  return script.match(/[A-Za-z_.$][\w.$]*/g) ?? [];
}
