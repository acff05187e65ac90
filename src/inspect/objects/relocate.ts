// SPDX-License-Identifier: MIT
/**
 * Writes the sections of a program with their relocations applied (psABI table 4.9), and tells which words of
 * data hold addresses.
 */
import { R_X86_64, SHT } from "../../elf/constants.js";
import { hex, malformed } from "../../elf/malformed.js";
import type { Relocation, RelocationTable } from "../../elf/relocations.js";
import { sectionBytes } from "../../elf/sections.js";
import type { Addresses, Target } from "./addresses.js";
import { frameSection, type PlacedSection, type Placement } from "./placement.js";
import { relaxTls } from "./tls.js";
import { isCode, type Unit } from "./unit.js";

export interface Image {
  readonly code: Buffer;
  readonly data: Buffer;
  /** R_X86_64_RELATIVE for each word of data that holds an address. */
  readonly pointers: readonly Relocation[];
}

/** A linker pads code with this. */
const nop = 0x90;
const mov = 0x8b;
const lea = 0x8d;
const ripRelative = { mask: 0xc7, value: 0x05 };

/** Throws UKL-208, UKL-210. */
export function relocateProgram(placement: Placement, addresses: Addresses): Image {
  const { code, data, tls } = placement;
  const threadPointer = Math.ceil(tls.end / tls.alignBytes) * tls.alignBytes;
  const image = {
    code: Buffer.alloc(code.end - code.start, nop),
    data: Buffer.alloc(data.fileEnd - data.start),
    pointers: [] as Relocation[],
  };
  const tables = new Map<Unit, ReadonlyMap<number, readonly RelocationTable[]>>();
  for (const placed of placement.sections) {
    const { unit, section, address } = placed;
    if (section.type === SHT.NOBITS) continue;
    const [buffer, start] = isCode(section) ? [image.code, code.start] : [image.data, data.start];
    const bytes = buffer.subarray(address - start, address - start + section.size);
    bytes.set(sectionBytes(unit.file.bytes, section));
    const ofUnit = tables.get(unit) ?? tablesByTarget(unit);
    tables.set(unit, ofUnit);
    const work = { placed, bytes, addresses, threadPointer, pointers: image.pointers };
    for (const { entries } of ofUnit.get(section.index) ?? []) relocateSection(work, entries);
  }
  return image;
}

function tablesByTarget({ file }: Unit): ReadonlyMap<number, readonly RelocationTable[]> {
  const tables = new Map<number, RelocationTable[]>();
  for (const table of file.relocations) {
    const target = table.target?.index ?? 0;
    const known = tables.get(target);
    if (known === undefined) tables.set(target, [table]);
    else known.push(table);
  }
  return tables;
}

interface Work {
  readonly placed: PlacedSection;
  readonly bytes: Buffer;
  readonly addresses: Addresses;
  readonly threadPointer: number;
  readonly pointers: Relocation[];
}

function relocateSection(work: Work, entries: readonly Relocation[]): void {
  const { bytes, placed, addresses, threadPointer } = work;
  /** Up to here a sequence for thread-local storage was replaced, with the call that is part of it. */
  let replacedEnd = 0;
  for (const entry of entries) {
    const at = Number(entry.offset);
    const rule = rules.get(entry.type);
    if (rule === undefined) throw unknownType(placed, entry);
    if (at + rule.sizeBytes > bytes.length) throw outOfRange(placed, entry);
    if (rule.sizeBytes === 0 || at < replacedEnd) continue;
    const target = addresses.target(placed.unit, entry.symbolIndex);
    const addend = Number(entry.addend);
    const tpOffset = target.address + addend - threadPointer;
    const relaxed = isCode(placed.section) ? relaxTls(bytes, at, entry.type, tpOffset + 4) : undefined;
    if (relaxed !== undefined) {
      replacedEnd = relaxed;
      continue;
    }
    const value = rule.value({ work, at, target, addend, place: placed.address + at, tpOffset });
    write(bytes, at, rule.sizeBytes, value);
    if (rule.isAddress?.(target, placed) === true && target.isPlace) {
      work.pointers.push(pointer(placed.address + at, target.address + addend));
    }
  }
}

interface Operands {
  readonly work: Work;
  readonly at: number;
  readonly target: Target;
  readonly addend: number;
  /** Address of the bytes that are changed. */
  readonly place: number;
  /** Of the variable, from the thread pointer. */
  readonly tpOffset: number;
}

interface Rule {
  readonly sizeBytes: number;
  readonly value: (operands: Operands) => number;
  /** Whether what it writes into data leads to the target. */
  readonly isAddress?: (target: Target, placed: PlacedSection) => boolean;
}

const absolute = ({ target, addend }: Operands) => target.address + addend;
const relative = ({ target, addend, place }: Operands) => target.address + addend - place;
const slotRelative = ({ work, target, addend, place }: Operands) =>
  work.addresses.slotFor(target) + addend - place;
const emptySlotRelative = ({ work, addend, place }: Operands) => work.addresses.emptySlot() + addend - place;
const threadRelative = ({ tpOffset }: Operands) => tpOffset;
const size = ({ target, addend }: Operands) => (target.symbol?.size ?? 0) + addend;
const always = () => true;
/** A distance to a function by its name: not a jump table's, whose entries are counted from a section. */
const ofFunction = ({ symbol }: Target, { section }: PlacedSection) =>
  section.name !== frameSection && (symbol?.type === "function" || symbol?.type === "ifunc");

const rules: ReadonlyMap<number, Rule> = new Map<number, Rule>([
  [R_X86_64.NONE, { sizeBytes: 0, value: absolute }],
  [R_X86_64.TLSDESC_CALL, { sizeBytes: 0, value: absolute }],
  [R_X86_64.ABS64, { sizeBytes: 8, value: absolute, isAddress: always }],
  [R_X86_64.ABS32, { sizeBytes: 4, value: absolute, isAddress: always }],
  [R_X86_64.ABS32S, { sizeBytes: 4, value: absolute, isAddress: always }],
  [R_X86_64.ABS16, { sizeBytes: 2, value: absolute }],
  [R_X86_64.ABS8, { sizeBytes: 1, value: absolute }],
  [R_X86_64.PC64, { sizeBytes: 8, value: relative, isAddress: ofFunction }],
  [R_X86_64.PC32, { sizeBytes: 4, value: relative, isAddress: ofFunction }],
  [R_X86_64.PLT32, { sizeBytes: 4, value: relative, isAddress: ofFunction }],
  [R_X86_64.GOTPC32, { sizeBytes: 4, value: relative }],
  [R_X86_64.PC16, { sizeBytes: 2, value: relative }],
  [R_X86_64.PC8, { sizeBytes: 1, value: relative }],
  [R_X86_64.GOTPCREL, { sizeBytes: 4, value: slotRelative }],
  [R_X86_64.GOTPCRELX, { sizeBytes: 4, value: relaxed }],
  [R_X86_64.REX_GOTPCRELX, { sizeBytes: 4, value: relaxed }],
  [R_X86_64.TPOFF64, { sizeBytes: 8, value: threadRelative }],
  [R_X86_64.TPOFF32, { sizeBytes: 4, value: threadRelative }],
  [R_X86_64.DTPOFF64, { sizeBytes: 8, value: threadRelative }],
  [R_X86_64.DTPOFF32, { sizeBytes: 4, value: threadRelative }],
  [R_X86_64.GOTTPOFF, { sizeBytes: 4, value: emptySlotRelative }],
  [R_X86_64.TLSGD, { sizeBytes: 4, value: emptySlotRelative }],
  [R_X86_64.TLSLD, { sizeBytes: 4, value: emptySlotRelative }],
  [R_X86_64.GOTPC32_TLSDESC, { sizeBytes: 4, value: emptySlotRelative }],
  [R_X86_64.SIZE32, { sizeBytes: 4, value: size }],
  [R_X86_64.SIZE64, { sizeBytes: 8, value: size }],
]);

/** Linkers make `mov symbol@GOTPCREL(%rip), reg` into `lea symbol(%rip), reg` (psABI section B.2). */
function relaxed(operands: Operands): number {
  const { work, at, target } = operands;
  const { bytes } = work;
  const isMov = bytes[at - 2] === mov && ((bytes[at - 1] ?? 0) & ripRelative.mask) === ripRelative.value;
  if (!isMov || !target.isPlace) return slotRelative(operands);
  bytes[at - 2] = lea;
  return relative(operands);
}

function write(bytes: Buffer, at: number, sizeBytes: number, value: number): void {
  if (sizeBytes === 8) bytes.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)), at);
  else if (sizeBytes === 4) bytes.writeInt32LE(value | 0, at);
  else bytes.writeIntLE(sizeBytes === 2 ? (value << 16) >> 16 : (value << 24) >> 24, at, sizeBytes);
}

function pointer(place: number, target: number): Relocation {
  return { offset: BigInt(place), type: R_X86_64.RELATIVE, symbolIndex: 0, addend: BigInt(target) };
}

function unknownType({ unit, section }: PlacedSection, { type, offset }: Relocation): Error {
  const cause = `section ${section.name} has at ${hex(offset)} a relocation of type ${type}, which is not supported`;
  return malformed("UKL-210", unit.file.path, cause);
}

function outOfRange({ unit, section }: PlacedSection, { offset }: Relocation): Error {
  const cause = `a relocation is at ${hex(offset)} of section ${section.name}, which has ${section.size} bytes`;
  return malformed("UKL-208", unit.file.path, cause);
}
