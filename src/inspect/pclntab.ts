// SPDX-License-Identifier: MIT
/**
 * The functions of a Go program from the table its runtime uses for stack traces, which no stripping takes.
 *
 * Four forms are in use, told apart by their first word: Go 1.2 and 1.16 have absolute addresses, Go 1.18 and
 * 1.20 offsets in the text. Where the text begins is in the runtime's description of the program, which
 * points to the table. Sources: golang.org/s/go12symtab; `pcHeader`, `moduledata` and its verification in
 * runtime/symtab.go.
 */
import { PF, R_X86_64 } from "../elf/constants.js";
import { Fields } from "../elf/fields.js";
import type { ElfFile } from "../elf/file.js";
import { once } from "../elf/lazy.js";
import { UklError } from "../errors.js";

export interface GoFunctions {
  /** Virtual addresses before relocation, rising. */
  readonly starts: Float64Array;
  /** The first address behind the last function. */
  readonly end: number;
  /** As `net/http.(*Server).Serve`; empty where the table has none. */
  name(index: number): string;
}

interface Form {
  /** 8 where functions are addresses, 4 where they are offsets in the text. */
  readonly wordSizeBytes: 4 | 8;
  /** Offsets of the header's fields that locate names and functions; undefined where it has no such fields. */
  readonly fieldsAt: { readonly names: number; readonly functions: number } | undefined;
}

/** By the lowest byte of the magic number; the others are ff ff ff. */
const forms: Readonly<Record<number, Form>> = {
  251: { wordSizeBytes: 8, fieldsAt: undefined }, // Go 1.2
  250: { wordSizeBytes: 8, fieldsAt: { names: 24, functions: 56 } }, // Go 1.16
  240: { wordSizeBytes: 4, fieldsAt: { names: 32, functions: 64 } }, // Go 1.18
  241: { wordSizeBytes: 4, fieldsAt: { names: 32, functions: 64 } }, // Go 1.20
};

/** Behind that byte: the rest of the magic number, two zeros, x86's instruction unit and pointer size. */
const headerTail = Buffer.of(0xff, 0xff, 0xff, 0, 0, 1, 8);
const functionCountAt = 8;
const textStartAt = 24;
const sectionNames = [".gopclntab", ".data.rel.ro.gopclntab"];
/** `moduledata` has the bounds of the text among its first 30 words. */
const moduleWordLimit = 64;
/** A real file has one table, and few places that look like one or point to it. */
const candidateLimit = 16;
const nameSizeLimit = 4096;

interface Table {
  readonly fields: Fields;
  readonly address: number;
  readonly wordSizeBytes: 4 | 8;
  readonly functionCount: number;
  /** Offset of the pairs of function and record, which end with the end of the last function. */
  readonly pairsAt: number;
  /** Where the offsets of records count from, and those of names. */
  readonly recordsAt: number;
  readonly namesAt: number;
}

/** Undefined when it is no Go program. Throws UKL-206, UKL-208 when its relocations are malformed. */
export function readGoFunctions(file: ElfFile): GoFunctions | undefined {
  if (file.kind === "relocatable") return undefined;
  const pointers = once(() => readPointers(file));
  for (const { table, isNamed } of findTables(file)) {
    const functions = readFunctions(file, table, pointers(), isNamed);
    if (functions !== undefined) return functions;
  }
  return undefined;
}

/** What sections have under the right name, then what looks like a table anywhere in memory. */
function* findTables(file: ElfFile): Generator<{ table: Table; isNamed: boolean }> {
  for (const section of file.sections.filter(({ name }) => sectionNames.includes(name))) {
    const table = readHeader(file.sectionBytes(section), Number(section.addr), file.path);
    if (table !== undefined) yield { table, isNamed: true };
  }
  let candidates = 0;
  for (const { bytes, address } of loadedRegions(file)) {
    for (const place of occurrences(bytes, headerTail)) {
      const at = place - 1;
      // The linker aligns it to 32 bytes, and to a pointer at least.
      if (at < 0 || (address + at) % 8 !== 0) continue;
      const table = readHeader(bytes.subarray(at), address + at, file.path);
      if (table === undefined) continue;
      if (++candidates > candidateLimit) return;
      yield { table, isNamed: false };
    }
  }
}

function readHeader(bytes: Uint8Array, address: number, path: string): Table | undefined {
  const form = forms[bytes[0] ?? 0];
  if (form === undefined || !Number.isSafeInteger(address)) return undefined;
  if (headerTail.compare(bytes.subarray(1, 8)) !== 0) return undefined;
  const fields = new Fields(bytes, path, "the Go function table");
  const { wordSizeBytes, fieldsAt } = form;
  return unlessDamaged(() => {
    const functionCount = fields.size(functionCountAt, "the number of functions");
    const namesAt = fieldsAt === undefined ? 0 : fields.size(fieldsAt.names, "the offset of names");
    const recordsAt = fieldsAt === undefined ? 0 : fields.size(fieldsAt.functions, "the offset of functions");
    const pairsAt = fieldsAt === undefined ? 16 : recordsAt;
    fields.slice(pairsAt, (2 * functionCount + 1) * wordSizeBytes);
    const table = { fields, address, wordSizeBytes, functionCount, pairsAt, recordsAt, namesAt };
    return functionCount === 0 ? undefined : table;
  });
}

/** Undefined unless all functions are in one executable segment, in order. */
function readFunctions(
  file: ElfFile,
  table: Table,
  pointers: Pointers,
  isNamed: boolean,
): GoFunctions | undefined {
  const { fields, address, wordSizeBytes, functionCount, pairsAt } = table;
  const bounds = new Float64Array(functionCount + 1);
  let previous = 0;
  for (let index = 0; index <= functionCount; index++) {
    const at = pairsAt + index * 2 * wordSizeBytes;
    const bound = wordSizeBytes === 4 ? fields.u32(at) : pointers.at(address + at);
    if (!(bound >= previous)) return undefined;
    bounds[index] = bound;
    previous = bound;
  }
  const base = findBase(table, bounds[0] ?? 0, previous, pointers, isNamed);
  if (base === undefined || !isExecutable(file, base + (bounds[0] ?? 0), base + previous)) return undefined;
  return {
    starts: bounds.subarray(0, functionCount).map((bound) => base + bound),
    end: base + previous,
    name: (index) => unlessDamaged(() => readName(table, index)) ?? "",
  };
}

/**
 * What to add to the table's bounds. A header of Go 1.18 and later has the start of the text, but newer
 * linkers leave it 0. `moduledata` has it in all versions: the runtime starts only when the bounds of the
 * text there, `minpc` and `maxpc`, are those of the table. So nothing else is a table in use, and a table
 * that is somebody's data is told apart; a named one is believed where a linker moved things.
 */
function findBase(table: Table, first: number, end: number, pointers: Pointers, isNamed: boolean) {
  for (const module of pointers.to(table.address)) {
    for (let word = 1; word < moduleWordLimit; word++) {
      const minpc = pointers.at(module + word * 8);
      const size = pointers.at(module + word * 8 + 8) - minpc;
      const base = minpc - first;
      if (size === end - first && size > 0 && (table.wordSizeBytes === 4 || base === 0)) return base;
    }
  }
  if (!isNamed) return undefined;
  return table.wordSizeBytes === 8 ? 0 : pointers.at(table.address + textStartAt);
}

/** A function's record begins with its start, of a word, and the offset of its name, of 32 bits. */
function readName(table: Table, index: number): string {
  const { fields, wordSizeBytes, functionCount, pairsAt, recordsAt, namesAt } = table;
  if (!(index >= 0 && index < functionCount)) return "";
  const at = pairsAt + (2 * index + 1) * wordSizeBytes;
  const record = recordsAt + (wordSizeBytes === 4 ? fields.u32(at) : fields.size(at, "a function"));
  const nameAt = namesAt + fields.u32(record + wordSizeBytes);
  const bytes = fields.bytes.subarray(nameAt, nameAt + nameSizeLimit);
  return Buffer.from(bytes.subarray(0, Math.max(bytes.indexOf(0), 0))).toString("utf8");
}

interface Pointers {
  /** What the loader leaves in the word at an address, before the program is moved; NaN where is none. */
  at(address: number): number;
  /** Addresses of words that point to an address: the first few. */
  to(address: number): readonly number[];
}

/** In a program that can be moved, pointers are in the relocations, and their words in the file may be 0. */
function readPointers(file: ElfFile): Pointers {
  const relocated = new Map<number, number>();
  if (file.kind !== "executable") {
    const { types, offsets, addends } = file.dynamicRelocations;
    types.forEach((type, index) => {
      if (type === R_X86_64.RELATIVE) relocated.set(offsets[index] as number, addends[index] as number);
    });
  }
  const readWord = (address: number) => {
    const bytes = Number.isSafeInteger(address) ? file.bytesAt(BigInt(address), 8) : undefined;
    return bytes === undefined ? Number.NaN : Number(Buffer.from(bytes).readBigUInt64LE());
  };
  return {
    at: (address) => relocated.get(address) ?? readWord(address),
    to: (address) => {
      const found: number[] = [];
      for (const place of placesOf(file, relocated, address)) if (found.push(place) === candidateLimit) break;
      return found;
    },
  };
}

function* placesOf(file: ElfFile, relocated: ReadonlyMap<number, number>, address: number) {
  for (const [place, target] of relocated) if (target === address) yield place;
  const word = Buffer.alloc(8);
  word.writeBigUInt64LE(BigInt(address));
  for (const region of loadedRegions(file)) {
    for (const at of occurrences(region.bytes, word)) {
      if ((region.address + at) % 8 === 0) yield region.address + at;
    }
  }
}

/** What the file has of its PT_LOADs, code last: tables are data, but a linker may join both. */
function loadedRegions(file: ElfFile): { readonly bytes: Uint8Array; readonly address: number }[] {
  const loads = file.loads.filter(({ vaddr }) => vaddr < 2n ** 52n);
  const isCode = (flags: number) => Number((flags & PF.X) !== 0);
  return loads
    .toSorted((a, b) => isCode(a.flags) - isCode(b.flags))
    .map((load) => ({ bytes: file.segmentBytes(load), address: Number(load.vaddr) }));
}

function* occurrences(bytes: Uint8Array, pattern: Buffer): Generator<number> {
  const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = haystack.indexOf(pattern); at >= 0; at = haystack.indexOf(pattern, at + 1)) yield at;
}

function isExecutable(file: ElfFile, start: number, end: number): boolean {
  return file.loads.some(({ flags, vaddr, memsz }) => {
    const isCode = (flags & PF.X) !== 0;
    return isCode && start >= Number(vaddr) && start < end && end <= Number(vaddr) + memsz;
  });
}

function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UklError) return undefined;
    throw error;
  }
}
