// SPDX-License-Identifier: MIT
/**
 * What a relocation's symbol stands for, and the words that a linker adds for relocations: global offset table,
 * and entries of the procedure linkage table for functions that are chosen at start (STT_GNU_IFUNC).
 *
 * As in a static program the entry jumps through a word that holds the address of the function that chooses.
 */
import { R_X86_64 } from "../../elf/constants.js";
import type { Relocation } from "../../elf/relocations.js";
import type { ElfSymbol } from "../../elf/symbols.js";
import type { Placement } from "./placement.js";
import type { Program } from "./resolve.js";
import type { Unit } from "./unit.js";

export interface UndefinedSymbol {
  readonly name: string;
  readonly neededBy: string;
}

/** `isPlace`: it moves with the program, so that it is an address. */
export interface Target {
  readonly address: number;
  readonly isPlace: boolean;
  readonly symbol: ElfSymbol | undefined;
}

/** Room for an entry of the procedure linkage table. */
export const stubBytes = 16;
const wordBytes = 8;
const pageBytes = 4096;
const nowhere: Target = { address: 0, isPlace: false, symbol: undefined };

export class Addresses {
  readonly undefinedSymbols = new Map<string, UndefinedSymbol>();
  /** What a loader would do to the words. */
  readonly slotRelocations: Relocation[] = [];
  /** The stubs, by the address of the function that chooses. */
  readonly stubs = new Map<
    number,
    { readonly address: number; readonly slot: number; readonly symbol: ElfSymbol }
  >();
  readonly stubsStart: number;
  readonly slotsStart: number;
  readonly #program: Program;
  readonly #placement: Placement;
  readonly #slots = new Map<number, number>();
  #slotCount = 1;

  constructor(program: Program, placement: Placement) {
    this.#program = program;
    this.#placement = placement;
    const chosen = program.units.flatMap(({ file }) => file.symbols.filter(({ type }) => type === "ifunc"));
    this.stubsStart = Math.ceil((placement.data.end + pageBytes) / pageBytes) * pageBytes;
    this.slotsStart = this.stubsStart + (chosen.length + 1) * stubBytes;
  }

  get stubsEnd(): number {
    return this.stubsStart + this.stubs.size * stubBytes;
  }

  get slotsEnd(): number {
    return this.slotsStart + this.#slotCount * wordBytes;
  }

  /** The symbol of a relocation in `unit`. A name that is needed and that nobody has is noted. */
  target(unit: Unit, symbolIndex: number): Target {
    const symbol = unit.file.symbols[symbolIndex];
    if (symbol === undefined || symbolIndex === 0) return nowhere;
    return symbol.binding === "local" ? this.#at(unit, symbol) : this.named(symbol.name, unit);
  }

  named(name: string, wantedBy?: Unit): Target {
    const known = this.#program.names.get(name);
    if (known?.definition !== undefined) return this.#at(known.definition.unit, known.definition.symbol);
    const address = this.#placement.linkerNames.get(name);
    if (address !== undefined) return { address, isPlace: true, symbol: undefined };
    if (known?.isNeeded && wantedBy !== undefined && !this.undefinedSymbols.has(name)) {
      this.undefinedSymbols.set(name, { name, neededBy: wantedBy.name });
    }
    return nowhere;
  }

  /** A word that the loader fills with an address. */
  slotFor({ address, isPlace }: Target): number {
    if (!isPlace) return this.emptySlot();
    const known = this.#slots.get(address);
    if (known !== undefined) return known;
    const slot = this.#newSlot(R_X86_64.RELATIVE, address);
    this.#slots.set(address, slot);
    return slot;
  }

  /** A word that holds no address. */
  emptySlot(): number {
    return this.slotsStart;
  }

  #newSlot(type: number, target: number): number {
    const slot = this.slotsStart + this.#slotCount++ * wordBytes;
    this.slotRelocations.push({ offset: BigInt(slot), type, symbolIndex: 0, addend: BigInt(target) });
    return slot;
  }

  #at(unit: Unit, symbol: ElfSymbol): Target {
    if (symbol.section === "absolute") return { address: Number(symbol.value), isPlace: false, symbol };
    const common = this.#placement.commons.get(symbol);
    if (common !== undefined) return { address: common, isPlace: true, symbol };
    const start = this.#placement.addressOf(unit, Number(symbol.section));
    if (start === undefined) return nowhere;
    const address = start + Number(symbol.value);
    return {
      address: symbol.type === "ifunc" ? this.#stub(address, symbol) : address,
      isPlace: true,
      symbol,
    };
  }

  #stub(resolver: number, symbol: ElfSymbol): number {
    const known = this.stubs.get(resolver);
    if (known !== undefined) return known.address;
    const address = this.stubsEnd;
    this.stubs.set(resolver, { address, slot: this.#newSlot(R_X86_64.IRELATIVE, resolver), symbol });
    return address;
  }
}
