// SPDX-License-Identifier: MIT
/**
 * The only user of elfy: header records as elfy reads them, with the fields it gets wrong read again.
 *
 * elfy 1.0.0 reads identification and the header tables well, but for ELF64 it takes `sh_addralign` and
 * `sh_entsize` from two bytes too early, turns 64-bit values into doubles, drops types it has no name for,
 * and its `parse` fails without sections and searches names without a limit. So its record parsers are
 * called one record at a time, on records that were checked to be inside the file, with no file body to
 * slice. A 64-bit value from elfy is exact, or not a safe integer: callers check that.
 */
import elfy from "elfy";
import { recordSizeBytes } from "./constants.js";
import { Fields } from "./fields.js";
import { malformed } from "./malformed.js";

export interface RawHeader {
  /** elfy's name of `e_type`; undefined for a value it does not know. */
  readonly type: string | undefined;
  readonly machine: string | undefined;
  readonly version: number;
  readonly entry: bigint;
  readonly flags: number;
  readonly ehsize: number;
  readonly phoff: number;
  readonly phentsize: number;
  readonly phnum: number;
  readonly shoff: number;
  readonly shentsize: number;
  readonly shnum: number;
  readonly shstrndx: number;
}

export interface RawSegment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly vaddr: bigint;
  readonly paddr: bigint;
  readonly filesz: number;
  readonly memsz: number;
  readonly align: number;
}

export interface RawSection {
  readonly nameOffset: number;
  readonly type: number;
  readonly flags: number;
  readonly addr: bigint;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly addralign: number;
  readonly entsize: number;
}

const noBody = Buffer.alloc(0);

export class RawElf {
  readonly header: RawHeader;
  readonly #parser = new elfy.Parser();
  readonly #elfyHeader: ReturnType<InstanceType<typeof elfy.Parser>["parseHeader"]>;

  /** `bytes` is a file whose first 64 bytes exist, and are those of an ELF64, little-endian. */
  constructor(
    readonly bytes: Uint8Array,
    readonly path: string,
  ) {
    const record = Buffer.from(this.#record(0, recordSizeBytes.fileHeader));
    // Class, data and version: Linux does not look at them, elfy reads by them.
    record.set([2, 1, 1], 4);
    this.#elfyHeader = this.#guard(() => this.#parser.parseHeader(record));
    this.header = { ...this.#elfyHeader, entry: record.readBigUInt64LE(24) };
  }

  /** The program header at a file offset, which the caller has checked. Throws UKL-208. */
  segment(at: number): RawSegment {
    const record = this.#record(at, recordSizeBytes.programHeader);
    const { offset, filesz, memsz, align } = this.#guard(() =>
      this.#parser.parseProgram(record, this.#elfyHeader, noBody),
    );
    const type = record.readUInt32LE(0);
    const flags = record.readUInt32LE(4);
    const vaddr = record.readBigUInt64LE(16);
    const paddr = record.readBigUInt64LE(24);
    return { type, flags, offset, vaddr, paddr, filesz, memsz, align };
  }

  /** The section header at a file offset, which the caller has checked. Throws UKL-208. */
  section(at: number): RawSection {
    const record = this.#record(at, recordSizeBytes.sectionHeader);
    const { name, off, size, link, info } = this.#guard(() =>
      this.#parser.parseSection(record, this.#elfyHeader, noBody),
    );
    const fields = new Fields(record, this.path, `the section header at ${at}`);
    return {
      nameOffset: name,
      type: fields.u32(4),
      flags: fields.size(8, "sh_flags"),
      addr: fields.u64(16),
      offset: off,
      size,
      link,
      info,
      addralign: fields.size(48, "sh_addralign"),
      entsize: fields.size(56, "sh_entsize"),
    };
  }

  #record(at: number, size: number): Buffer {
    const record = this.bytes.subarray(at, at + size);
    return Buffer.from(record.buffer, record.byteOffset, record.byteLength);
  }

  /** elfy throws plain errors; none is expected on a checked record, but none may escape either. */
  #guard<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      throw malformed("UKL-208", this.path, error instanceof Error ? error.message : String(error), error);
    }
  }
}
