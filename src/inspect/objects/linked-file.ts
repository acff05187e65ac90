// SPDX-License-Identifier: MIT
/** A program laid out in memory, in the form of the static executable that a linker would have written. */
import { DT, PF, PT } from "../../elf/constants.js";
import type { Dynamic } from "../../elf/dynamic.js";
import { tabulateRelocations } from "../../elf/dynamic-relocations.js";
import type { ElfFile } from "../../elf/file.js";
import { openMemory } from "../../elf/mapped.js";
import { type Section, sectionBytes } from "../../elf/sections.js";
import type { Segment } from "../../elf/segments.js";
import { type ElfSymbol, tabulateSymbols } from "../../elf/symbols.js";
import { readTls } from "../../elf/tls.js";
import { type Addresses, stubBytes } from "./addresses.js";
import { type Area, type ArrayName, frameSection, type Placement } from "./placement.js";
import type { Image } from "./relocate.js";
import type { Program } from "./resolve.js";
import type { Unit } from "./unit.js";

interface Laid {
  readonly path: string;
  readonly program: Program;
  readonly placement: Placement;
  readonly addresses: Addresses;
  readonly image: Image;
  /** The functions that others may call; undefined for a program, which is called at its entry. */
  readonly exported: readonly ElfSymbol[] | undefined;
}

/** What disassemblers add to the name of a function for its entry of the procedure linkage table. */
const stubSuffix = "@plt";
const jumpThroughWord = [0xff, 0x25] as const;
const int3 = 0xcc;

export function describeLinkedFile({ path, program, placement, addresses, image, exported }: Laid): ElfFile {
  const stubs = writeStubs(addresses);
  const slots = Buffer.alloc(addresses.slotsEnd - addresses.slotsStart);
  const bytes = Buffer.concat([image.code, image.data, stubs, slots]);
  const segments = describeSegments(placement, addresses, image);
  const loads = segments
    .filter(({ type, memsz }) => type === PT.LOAD && memsz > 0)
    .toSorted((left, right) => Number(left.vaddr - right.vaddr));
  const sections = describeSections(placement);
  const symbols = [...placedSymbols(program, placement), ...stubSymbols(addresses)];
  const dynamicSymbols = exported ?? [];
  return {
    path,
    bytes,
    kind: "executable",
    machine: "x86-64",
    linkage: exported === undefined ? "static" : "relocatable",
    entry: exported === undefined ? BigInt(addresses.named("_start").address) : 0n,
    flags: 0,
    segments,
    loads,
    problems: [],
    sections,
    tls: readTls(segments, path),
    symbols,
    symbolTable: tabulateSymbols(symbols),
    dynamicSymbols,
    dynamicSymbolTable: tabulateSymbols(dynamicSymbols),
    relocations: [],
    dynamicRelocations: tabulateRelocations([...image.pointers, ...addresses.slotRelocations]),
    dynamic: describeArrays(placement.arrays),
    neededVersions: [],
    interpreter: undefined,
    notes: [],
    buildId: undefined,
    ...openMemory(bytes, loads),
    section: (name) => sections.find((section) => section.name === name),
    sectionBytes: (section) => sectionBytes(bytes, section),
    segmentBytes: ({ offset, filesz }) => bytes.subarray(offset, offset + filesz),
  };
}

function describeSegments(
  placement: Placement,
  addresses: Addresses,
  { code, data }: Image,
): readonly Segment[] {
  const segments: Segment[] = [];
  let offset = 0;
  const add = (flags: number, { start, fileEnd, end }: Area) => {
    const [filesz, memsz] = [fileEnd - start, end - start];
    segments.push(segment(PT.LOAD, flags, offset, start, filesz, memsz, 1));
    offset += filesz;
  };
  add(PF.R | PF.X, placement.code);
  add(PF.R | PF.W, placement.data);
  add(PF.R | PF.X, whole(addresses.stubsStart, addresses.stubsEnd));
  add(PF.R | PF.W, whole(addresses.slotsStart, addresses.slotsEnd));
  const { tls } = placement;
  if (tls.end > tls.start) {
    const at = code.length + data.length - (tls.fileEnd - tls.start);
    const sizes = [tls.fileEnd - tls.start, tls.end - tls.start] as const;
    segments.push(segment(PT.TLS, PF.R, at, tls.start, ...sizes, tls.alignBytes));
  }
  return segments;
}

function whole(start: number, end: number): Area {
  return { start, fileEnd: end, end };
}

function segment(
  type: number,
  flags: number,
  offset: number,
  address: number,
  filesz: number,
  memsz: number,
  align: number,
): Segment {
  const vaddr = BigInt(address);
  return { type, flags, offset, vaddr, paddr: vaddr, filesz, memsz, align };
}

/** Every section begins a data object; the unwind tables of all objects are one. */
function describeSections({ sections, code, data }: Placement): readonly Section[] {
  const offsetOf = (address: number) =>
    address < code.end ? address - code.start : code.end - code.start + address - data.start;
  const described = sections
    .filter(({ section }) => section.name !== frameSection)
    .map(({ section, address }) => ({ ...section, addr: BigInt(address), offset: offsetOf(address) }));
  const frames = sections.filter(({ section }) => section.name === frameSection);
  const [first, last] = [frames[0], frames.at(-1)];
  if (first !== undefined && last !== undefined) {
    described.push({
      ...first.section,
      addr: BigInt(first.address),
      offset: offsetOf(first.address),
      size: last.address + last.section.size - first.address,
    });
  }
  return described.map((section, index) => ({ ...section, index }));
}

/** Where initialisers are, as a shared library says it. */
function describeArrays(arrays: Placement["arrays"]): Dynamic {
  const tags: Readonly<Record<ArrayName, readonly [number, number]>> = {
    preinit_array: [DT.PREINIT_ARRAY, DT.PREINIT_ARRAYSZ],
    init_array: [DT.INIT_ARRAY, DT.INIT_ARRAYSZ],
    fini_array: [DT.FINI_ARRAY, DT.FINI_ARRAYSZ],
  };
  const entries = [...arrays].flatMap(([name, { start, end }]) => [
    { tag: tags[name][0], value: BigInt(start) },
    { tag: tags[name][1], value: BigInt(end - start) },
  ]);
  return { entries, needed: [], soname: undefined, rpath: undefined, runpath: undefined, flags1: 0n };
}

/** Functions and data, with their addresses. */
function* placedSymbols({ units }: Program, placement: Placement): Generator<ElfSymbol> {
  for (const unit of units) {
    for (const symbol of unit.file.symbols) {
      if (symbol.type !== "function" && symbol.type !== "object" && symbol.type !== "ifunc") continue;
      const address = placement.commons.get(symbol) ?? addressOf(unit, symbol, placement);
      if (address !== undefined) yield new PlacedSymbol(symbol, address, symbol.size);
    }
  }
}

function addressOf(unit: Unit, symbol: ElfSymbol, placement: Placement): number | undefined {
  const start = placement.addressOf(unit, Number(symbol.section));
  return start === undefined ? undefined : start + Number(symbol.value);
}

/** A symbol of an object, at its address in the program. */
export class PlacedSymbol implements ElfSymbol {
  readonly value: bigint;
  readonly section = 0;
  readonly version = undefined;
  readonly type: ElfSymbol["type"];
  readonly binding: ElfSymbol["binding"];
  readonly visibility: ElfSymbol["visibility"];
  readonly #symbol: ElfSymbol;
  readonly #suffix: string;

  constructor(
    symbol: ElfSymbol,
    address: number,
    readonly size: number,
    { type = symbol.type, suffix = "" }: { readonly type?: ElfSymbol["type"]; readonly suffix?: string } = {},
  ) {
    this.#symbol = symbol;
    this.#suffix = suffix;
    this.value = BigInt(address);
    this.type = type;
    this.binding = symbol.binding;
    this.visibility = symbol.visibility;
  }

  get name(): string {
    return this.#symbol.name + this.#suffix;
  }
}

/** `jmp *slot(%rip)` each. */
function writeStubs({ stubs, stubsStart, stubsEnd }: Addresses): Buffer {
  const bytes = Buffer.alloc(stubsEnd - stubsStart, int3);
  for (const { address, slot } of stubs.values()) {
    const at = address - stubsStart;
    bytes.set(jumpThroughWord, at);
    bytes.writeInt32LE(slot - (address + 6), at + 2);
  }
  return bytes;
}

function stubSymbols({ stubs }: Addresses): readonly ElfSymbol[] {
  return [...stubs.values()].map(
    ({ address, symbol }) =>
      new PlacedSymbol(symbol, address, stubBytes, { type: "function", suffix: stubSuffix }),
  );
}
