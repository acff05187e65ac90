// SPDX-License-Identifier: MIT
/**
 * One ELF64 x86-64 file as a read-only value. Header, segments and sections are read at once; the rest when first asked
 * for, so that a large file costs only what is looked at. What Linux refuses in it is in ./executable.ts.
 *
 * The bytes are untrusted. Whatever they are, reading ends in a value or in an UklError, in time and
 * memory proportional to their number.
 */
import { PT, SHT } from "./constants.js";
import { type Dynamic, readDynamic, readInterpreter } from "./dynamic.js";
import { type RelocationColumns, readDynamicRelocations } from "./dynamic-relocations.js";
import { readDynamicSymbols } from "./dynamic-symbols.js";
import { type ElfLayout, readLayout } from "./layout.js";
import { once } from "./lazy.js";
import { classifyLinkage, type Linkage } from "./linkage.js";
import { findBuildId, type Note, readNotes } from "./notes.js";
import { type RelocationTable, readRelocationTables } from "./relocations.js";
import { type Section, sectionBytes } from "./sections.js";
import type { Segment } from "./segments.js";
import { noSymbols, openSymbolSection, readSymbolTable, type SymbolTable } from "./symbol-table.js";
import { describeSymbols, type ElfSymbol } from "./symbols.js";
import { readTls, type TlsSegment } from "./tls.js";
import { type NeededVersion, readNeededVersions } from "./versions.js";

/** Lazy members throw UKL-206 or UKL-208 when what they are read from is malformed. */
export interface ElfFile extends ElfLayout {
  readonly linkage: Linkage;
  /** Undefined when the file has no PT_TLS, or none that makes sense. */
  readonly tls: TlsSegment | undefined;
  /** `.symtab`; empty in a stripped file. Places in the array are symbol indices. */
  readonly symbols: readonly ElfSymbol[];
  /** `.dynsym`, with versions; found without section headers too. */
  readonly dynamicSymbols: readonly ElfSymbol[];
  /** The same two as columns, without an object for each. */
  readonly symbolTable: SymbolTable;
  readonly dynamicSymbolTable: SymbolTable;
  /** The SHT_RELA sections. */
  readonly relocations: readonly RelocationTable[];
  /** What the loader applies; found without section headers too. */
  readonly dynamicRelocations: RelocationColumns;
  readonly dynamic: Dynamic | undefined;
  /** DT_VERNEED: versions that other files have to offer. */
  readonly neededVersions: readonly NeededVersion[];
  /** PT_INTERP. */
  readonly interpreter: string | undefined;
  readonly notes: readonly Note[];
  /** In hexadecimal digits. */
  readonly buildId: string | undefined;
  /** The first section of a name. */
  section(name: string): Section | undefined;
  /** The bytes of a section, not copied; none for SHT_NOBITS. */
  sectionBytes(section: Section): Uint8Array;
  /** The file's part of a segment, not copied. */
  segmentBytes(segment: Segment): Uint8Array;
}

/** Reads a file, which `path` names in messages. Throws UKL-202 to UKL-208 and UKL-210. */
export function parseElf(bytes: Uint8Array, path: string): ElfFile {
  const { layout, hint, tell } = readLayout(bytes, path);
  const interpreter = once(() => readInterpreter(layout));
  // A program at fixed addresses that starts without the loader does not look at its dynamic section.
  const isLoaded = layout.kind !== "executable" || layout.segments.some(({ type }) => type === PT.INTERP);
  const dynamic = once(() =>
    isLoaded ? readDynamic(layout) : hint("the dynamic entries", undefined, () => readDynamic(layout)),
  );
  const notes = once(() => readNotes(layout, tell));
  const relocations = once(() => hint("the relocation sections", [], () => readRelocationTables(layout)));
  const dynamicRelocations = once(() => readDynamicRelocations(layout, dynamic()));
  const dynamicSymbolTable = once(() => readDynamicSymbols(layout, dynamic(), dynamicRelocations));
  const dynamicSymbols = once(() => describeSymbols(dynamicSymbolTable()));
  const neededVersions = once(() => readNeededVersions(layout, dynamic()?.entries ?? []));
  const symbolTable = once(() =>
    hint("the symbols", noSymbols, () => {
      const source = openSymbolSection(layout, SHT.SYMTAB);
      return source === undefined ? noSymbols : readSymbolTable(layout, source);
    }),
  );
  const symbols = once(() => hint("the symbols", [], () => describeSymbols(symbolTable())));
  const tls = once(() => hint("the thread variables", undefined, () => readTls(layout.segments, path)));
  return {
    ...layout,
    get tls() {
      return tls();
    },
    get linkage() {
      return classifyLinkage(layout, dynamic(), interpreter());
    },
    get symbols() {
      return symbols();
    },
    get dynamicSymbols() {
      return dynamicSymbols();
    },
    get symbolTable() {
      return symbolTable();
    },
    get dynamicSymbolTable() {
      return dynamicSymbolTable();
    },
    get relocations() {
      return relocations();
    },
    get dynamicRelocations() {
      return dynamicRelocations();
    },
    get dynamic() {
      return dynamic();
    },
    get neededVersions() {
      return neededVersions();
    },
    get interpreter() {
      return interpreter();
    },
    get notes() {
      return notes();
    },
    get buildId() {
      return findBuildId(notes());
    },
    section: (name) => layout.sections.find((section) => section.name === name),
    sectionBytes: (section) => sectionBytes(bytes, section),
    segmentBytes: ({ offset, filesz }) => bytes.subarray(offset, offset + filesz),
  };
}
