// SPDX-License-Identifier: MIT
/** What the name of a kernel section says about when it is needed. */
import { SHF } from "../../elf/constants.js";
import { sideTables } from "./side-tables.js";

/**
 * - root: needed, whoever refers to it
 * - collectable: needed when something that is needed refers to it
 * - table: a side table
 * - replacements, detours: code that belongs to places in other code, see ./pieces.ts
 * - outside: not in the image: debug information, and what the kernel's script discards
 */
export type SectionKind = "root" | "collectable" | "table" | "replacements" | "detours" | "outside";

/** `/DISCARD/` of the kernel's script. */
const discarded =
  /^\.(?:discard(?:\..*)?|export_symbol|modinfo|exitcall\.exit|note\.GNU-stack|note\.gnu\.property)$/;

/**
 * Code and data that is reached by reference alone. Names with two dots, and all that are not here, have a
 * meaning to the kernel's script, which finds them by boundaries: initcalls, parameters, per-CPU layout.
 */
const collectable = [
  /^\.(?:text|rodata|data|bss)(?:\.[0-9A-Za-z_].*)?$/,
  /^\.(?:init|exit|ref|sched|spinlock|noinstr|cpuidle|entry|irqentry|softirqentry|kprobes|static_call)\.text$/,
  /^\.init\.(?:data|rodata)(?:\.[0-9A-Za-z_].*)?$/,
  /^\.(?:exit|ref)\.(?:data|rodata)$/,
  /^\.data\.\.(?:read_mostly|ro_after_init|cacheline_aligned|page_aligned|shared_aligned|unlikely|once|do_once)$/,
  /^\.data\.\.percpu(?:\.\.(?:read_mostly|page_aligned|shared_aligned))?$/,
  /^\.bss\.\.page_aligned$/,
];

export function sectionKind(flags: number, nameOf: () => string): SectionKind {
  if ((flags & SHF.ALLOC) === 0) return "outside";
  const name = nameOf();
  if (discarded.test(name)) return "outside";
  if (sideTables.has(name)) return "table";
  if (name === ".altinstr_replacement") return "replacements";
  if (name === ".altinstr_aux") return "detours";
  return collectable.some((pattern) => pattern.test(name)) ? "collectable" : "root";
}
