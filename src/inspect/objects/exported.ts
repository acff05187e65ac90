// SPDX-License-Identifier: MIT
/** The functions of an object or archive that others may call: where execution can enter it. */
import type { ElfSymbol } from "../../elf/symbols.js";
import { upperBound } from "../sorted.js";
import { PlacedSymbol } from "./linked-file.js";
import type { Placement } from "./placement.js";
import { isCode, type Unit } from "./unit.js";

/** Every global name in code. One that is chosen at start stands for the function that chooses. */
export function exportedFunctions(units: readonly Unit[], placement: Placement): readonly ElfSymbol[] {
  return units.flatMap((unit) =>
    [...globalsBySection(unit)].flatMap(([index, symbols]) => {
      const section = unit.file.sections[index];
      const start = placement.addressOf(unit, index);
      if (section === undefined || !isCode(section) || start === undefined) return [];
      const sizeOf = sizes(symbols, section.size);
      return symbols.map(
        (symbol) =>
          new PlacedSymbol(symbol, start + Number(symbol.value), sizeOf(symbol), { type: "function" }),
      );
    }),
  );
}

function globalsBySection({ file }: Unit): ReadonlyMap<number, readonly ElfSymbol[]> {
  const found = new Map<number, ElfSymbol[]>();
  for (const symbol of file.symbols) {
    const { section, binding } = symbol;
    if (typeof section !== "number" || binding === "local" || binding === "other") continue;
    const known = found.get(section);
    if (known === undefined) found.set(section, [symbol]);
    else known.push(symbol);
  }
  return found;
}

/** Assembly may give a function no size: then it goes on to the next one. */
function sizes(symbols: readonly ElfSymbol[], sectionSize: number): (symbol: ElfSymbol) => number {
  const offsets = Float64Array.from([...symbols.map(({ value }) => Number(value)), sectionSize]).sort();
  return ({ value, size }) => {
    const offset = Number(value);
    return size || Math.max((offsets[upperBound(offsets, offset)] ?? sectionSize) - offset, 1);
  };
}
