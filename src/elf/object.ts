// SPDX-License-Identifier: MIT
/**
 * Writes a relocatable object of given sections and symbols: how bytes that no compiler made get into a link.
 * Layout after the System V ABI, chapters 4 (object files) and the x86-64 supplement.
 */
import { ET, fileHeaderBytes, sectionHeaderBytes, writeFileHeader } from "./write-header.js";

export interface ObjectSection {
  readonly name: string;
  readonly type: "progbits" | "note";
  readonly flags: { readonly write?: boolean; readonly execute?: boolean };
  readonly alignBytes: number;
  readonly data: Uint8Array;
}

/** A global symbol at an offset of a section. */
export interface ObjectSymbol {
  readonly name: string;
  readonly section: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

const symbolBytes = 24;

interface SectionHeader {
  readonly name: number;
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly link: number;
  readonly info: number;
  readonly alignBytes: number;
  readonly entryBytes: number;
}

/** The bytes of an ET_REL file. `symbols` refer to `sections` by index. */
export function writeObject(sections: readonly ObjectSection[], symbols: readonly ObjectSymbol[]): Buffer {
  const names = stringTable([...sections.map((section) => section.name), ".symtab", ".strtab", ".shstrtab"]);
  const symbolNames = stringTable(symbols.map((symbol) => symbol.name));
  const parts: Uint8Array[] = [Buffer.alloc(fileHeaderBytes)];
  let offset = fileHeaderBytes;
  const place = (bytes: Uint8Array, alignBytes: number): number => {
    const padding = (alignBytes - (offset % alignBytes)) % alignBytes;
    parts.push(Buffer.alloc(padding), bytes);
    const at = offset + padding;
    offset = at + bytes.length;
    return at;
  };

  const headers: SectionHeader[] = sections.map((section) => ({
    name: names.offsetOf(section.name),
    type: section.type === "note" ? 7 : 1,
    flags: 2 | (section.flags.write ? 1 : 0) | (section.flags.execute ? 4 : 0),
    offset: place(section.data, section.alignBytes),
    sizeBytes: section.data.length,
    link: 0,
    info: 0,
    alignBytes: section.alignBytes,
    entryBytes: 0,
  }));
  const table = (name: string, type: number, bytes: Uint8Array): SectionHeader => ({
    name: names.offsetOf(name),
    type,
    flags: 0,
    offset: place(bytes, 8),
    sizeBytes: bytes.length,
    link: type === 2 ? sections.length + 2 : 0,
    info: type === 2 ? 1 : 0,
    alignBytes: 8,
    entryBytes: type === 2 ? symbolBytes : 0,
  });
  headers.push(table(".symtab", 2, symbolTable(symbols, symbolNames.offsetOf)));
  headers.push(table(".strtab", 3, symbolNames.bytes));
  headers.push(table(".shstrtab", 3, names.bytes));

  const headerOffset = place(sectionHeaderTable(headers), 8);
  const file = Buffer.concat(parts);
  writeFileHeader(file, {
    type: ET.REL,
    entry: 0n,
    sections: { offset: headerOffset, count: headers.length + 1 }, // .shstrtab is the last
  });
  return file;
}

function sectionHeaderTable(headers: readonly SectionHeader[]): Buffer {
  const table = Buffer.alloc((headers.length + 1) * sectionHeaderBytes);
  headers.forEach((header, index) => {
    const at = (index + 1) * sectionHeaderBytes;
    table.writeUInt32LE(header.name, at);
    table.writeUInt32LE(header.type, at + 4);
    table.writeBigUInt64LE(BigInt(header.flags), at + 8);
    table.writeBigUInt64LE(BigInt(header.offset), at + 24);
    table.writeBigUInt64LE(BigInt(header.sizeBytes), at + 32);
    table.writeUInt32LE(header.link, at + 40);
    table.writeUInt32LE(header.info, at + 44);
    table.writeBigUInt64LE(BigInt(header.alignBytes), at + 48);
    table.writeBigUInt64LE(BigInt(header.entryBytes), at + 56);
  });
  return table;
}

function symbolTable(symbols: readonly ObjectSymbol[], nameOffset: (name: string) => number): Buffer {
  const table = Buffer.alloc((symbols.length + 1) * symbolBytes);
  symbols.forEach((symbol, index) => {
    const at = (index + 1) * symbolBytes;
    table.writeUInt32LE(nameOffset(symbol.name), at);
    table.writeUInt8((1 << 4) | 1, at + 4); // STB_GLOBAL, STT_OBJECT
    table.writeUInt16LE(symbol.section + 1, at + 6);
    table.writeBigUInt64LE(BigInt(symbol.offset), at + 8);
    table.writeBigUInt64LE(BigInt(symbol.sizeBytes), at + 16);
  });
  return table;
}

function stringTable(strings: readonly string[]): { bytes: Buffer; offsetOf: (text: string) => number } {
  const offsets = new Map<string, number>();
  let text = "\0";
  for (const string of strings) {
    if (offsets.has(string)) continue;
    offsets.set(string, text.length);
    text += `${string}\0`;
  }
  return { bytes: Buffer.from(text, "latin1"), offsetOf: (string) => offsets.get(string) ?? 0 };
}
