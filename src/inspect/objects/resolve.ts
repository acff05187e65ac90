// SPDX-License-Identifier: MIT
/**
 * Which objects a program consists of, and which definition each name stands for, as GNU ld decides it:
 * inputs in their order, members of an archive when they define what is wanted by then, the first strong
 * definition before a common one before the first weak one, one copy of each COMDAT group.
 */
import { basename } from "node:path";
import type { Archive } from "../../elf/archive.js";
import { identifyInput, isBitcode } from "../../elf/identify.js";
import type { ElfSymbol } from "../../elf/symbols.js";
import type { OpenInput } from "./inputs.js";
import { comdatGroups, openUnit, type Unit } from "./unit.js";

export interface Definition {
  readonly unit: Unit;
  readonly symbol: ElfSymbol;
}

/** A name that objects share. */
interface GlobalName {
  /** Undefined while nobody defines it. */
  definition: Definition | undefined;
  /** False when all that want it do without. */
  isNeeded: boolean;
}

export interface Program {
  readonly units: readonly Unit[];
  readonly names: ReadonlyMap<string, GlobalName>;
  /** Whether a section gives way to another object's copy. */
  isDiscarded(unit: Unit, section: number): boolean;
  /** What was taken from each archive, in the order of the link. */
  readonly archives: readonly UsedArchive[];
}

interface TakenMember {
  readonly name: string;
  readonly unit: Unit;
}

interface UsedArchive {
  readonly path: string;
  readonly sizeBytes: number;
  /** Those that were taken, in this order. */
  readonly members: readonly TakenMember[];
}

type ArchiveInput = OpenInput & { readonly kind: "archive" };
type Member = Archive["members"][number];

/**
 * Of the archive `whole` every member is taken. What an object of `idle` wants does not count: it is there for
 * what it defines. Throws UKL-202 to UKL-210.
 */
export function resolveProgram(
  inputs: readonly OpenInput[],
  whole: OpenInput,
  idle: ReadonlySet<Unit>,
): Program {
  const linking = new Linking(whole, idle);
  for (const input of inputs) linking.add(input);
  return linking.program();
}

/** A program in the making. */
class Linking {
  readonly #whole: OpenInput;
  readonly #idle: ReadonlySet<Unit>;
  readonly #units: Unit[] = [];
  readonly #names = new Map<string, GlobalName>();
  readonly #groups = new Set<string>();
  /** For each unit that was added. */
  readonly #discarded = new Map<Unit, ReadonlySet<number>>();
  /** By member header. */
  readonly #taken = new Map<ArchiveInput, Map<number, TakenMember>>();

  constructor(whole: OpenInput, idle: ReadonlySet<Unit>) {
    this.#whole = whole;
    this.#idle = idle;
  }

  program(): Program {
    return {
      units: this.#units,
      names: this.#names,
      isDiscarded: (unit, section) => this.#discarded.get(unit)?.has(section) === true,
      archives: [...this.#taken].map(([{ archive, sizeBytes }, members]) => ({
        path: archive.path,
        sizeBytes,
        members: [...members.values()],
      })),
    };
  }

  add(input: OpenInput): void {
    if (input.kind === "object") this.#addUnit(input.unit);
    else if (input === this.#whole && input.kind === "archive") this.#takeAll(input);
    else if (input.kind === "group") this.#untilSettled(() => this.#addAll(input.inputs));
    else this.#untilSettled(() => this.#takeWanted(input));
  }

  #addAll(inputs: readonly OpenInput[]): void {
    for (const input of inputs) this.add(input);
  }

  /** Searches again while what was found wants more. */
  #untilSettled(search: () => void): void {
    for (let before = -1; before !== this.#units.length; ) {
      before = this.#units.length;
      search();
    }
  }

  #takeAll(input: ArchiveInput): void {
    for (const member of input.archive.members) {
      if (identifyInput(member.bytes) === "elf" || isBitcode(member.bytes)) this.#take(input, member);
    }
  }

  #takeWanted(input: ArchiveInput): void {
    for (const { name, member } of input.archive.symbols) {
      const known = this.#names.get(name);
      if (known?.isNeeded && known.definition === undefined) this.#take(input, member);
    }
  }

  #take(input: ArchiveInput, { name, bytes, offset }: Member): void {
    const taken = this.#taken.get(input) ?? new Map<number, TakenMember>();
    this.#taken.set(input, taken);
    if (taken.has(offset)) return;
    const { path } = input.archive;
    const archive = basename(path);
    const unit = openUnit(bytes, `${path}(${name})`, `${archive}(${name})`, archive);
    taken.set(offset, { name, unit });
    this.#addUnit(unit);
  }

  #addUnit(unit: Unit): void {
    if (this.#discarded.has(unit)) return;
    this.#units.push(unit);
    const discarded = new Set<number>();
    for (const { signature, sections } of comdatGroups(unit)) {
      if (this.#groups.has(signature)) for (const section of sections) discarded.add(section);
      else this.#groups.add(signature);
    }
    this.#discarded.set(unit, discarded);
    for (const symbol of unit.file.symbols) {
      if (symbol.binding === "local" || symbol.binding === "other") continue;
      const known = this.#names.get(symbol.name) ?? { definition: undefined, isNeeded: false };
      this.#names.set(symbol.name, known);
      if (symbol.section === "undefined" || discarded.has(Number(symbol.section))) {
        known.isNeeded ||= symbol.binding !== "weak" && !this.#idle.has(unit);
      } else if (isStronger(symbol, known.definition?.symbol)) known.definition = { unit, symbol };
    }
  }
}

/** Of several common definitions the largest has room for all. */
function isStronger(symbol: ElfSymbol, known: ElfSymbol | undefined): boolean {
  if (known === undefined) return true;
  const [rank, knownRank] = [rankOf(symbol), rankOf(known)];
  return rank > knownRank || (rank === knownRank && symbol.section === "common" && symbol.size > known.size);
}

function rankOf({ binding, section }: ElfSymbol): number {
  if (section === "common") return 1;
  return binding === "weak" ? 0 : 2;
}
