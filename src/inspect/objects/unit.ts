// SPDX-License-Identifier: MIT
/** One object file as an input of a link: which of its sections a program gets, and what it is called. */
import { GRP_COMDAT, SHF, SHT } from "../../elf/constants.js";
import { Fields } from "../../elf/fields.js";
import { type ElfFile, parseElf } from "../../elf/file.js";
import { isBitcode } from "../../elf/identify.js";
import { malformed } from "../../elf/malformed.js";
import type { Section } from "../../elf/sections.js";
import { UklError } from "../../errors.js";

export interface Unit {
  /** As reports call it: `main.o`, `libc.a(write.o)`. */
  readonly name: string;
  /** The archive it is a member of, by its last name. */
  readonly archive: string | undefined;
  readonly file: ElfFile;
  /** Its sections that are in memory when the program runs. */
  readonly sections: readonly Section[];
}

/** Sections of which a program has one copy, whoever brings it: `inline` functions, templates. */
export interface ComdatGroup {
  readonly signature: string;
  readonly sections: readonly number[];
}

/** Throws UKL-202 to UKL-210. */
export function openUnit(bytes: Uint8Array, path: string, name: string, archive?: string): Unit {
  if (isBitcode(bytes))
    throw withoutCode(path, "it is LLVM bitcode of clang -flto, which leaves that to lld");
  const file = parseElf(bytes, path);
  if (file.kind !== "relocatable") throw malformed("UKL-210", path, "it is linked already");
  const sections = file.sections.filter(isInMemory);
  const inFile = sections.reduce((sum, { type, size }) => sum + (type === SHT.NOBITS ? 0 : size), 0);
  if (inFile > bytes.length) throw malformed("UKL-208", path, "its sections overlap");
  if (file.symbols.some((symbol) => symbol.section === "common" && symbol.name === "__gnu_lto_slim")) {
    throw withoutCode(path, "it was compiled with -flto, which leaves that to the linker");
  }
  return { name, archive, file, sections };
}

function withoutCode(path: string, cause: string): UklError {
  return new UklError("UKL-210", {
    what: `${path} has no machine code`,
    cause,
    fix: "compile it without -flto, or with gcc's -ffat-lto-objects",
  });
}

function isInMemory({ flags, type }: Section): boolean {
  // Bit operations are of 32 bits with a sign, which is all that these flags have.
  return type !== SHT.NULL && (flags & SHF.ALLOC) !== 0 && (flags & SHF.EXCLUDE) === 0;
}

/** Throws UKL-208. */
export function comdatGroups({ file }: Unit): readonly ComdatGroup[] {
  return file.sections
    .filter(({ type }) => type === SHT.GROUP)
    .flatMap((section) => {
      const words = new Fields(file.sectionBytes(section), file.path, `section ${section.index}`);
      if ((words.u32(0) & GRP_COMDAT) === 0) return [];
      const members: number[] = [];
      for (let at = 4; at < words.sizeBytes; at += 4) members.push(words.u32(at));
      const symbol = file.symbols[section.info];
      if (symbol === undefined) {
        throw malformed("UKL-208", file.path, `section ${section.index} is named by no symbol`);
      }
      // A group can be named by a section, as old compilers did.
      const signature =
        symbol.type === "section" ? (file.sections[Number(symbol.section)]?.name ?? "") : symbol.name;
      return [{ signature, sections: members }];
    });
}

export const isCode = ({ flags }: Section) => (flags & SHF.EXECINSTR) !== 0;
export const isThreadLocal = ({ flags }: Section) => (flags & SHF.TLS) !== 0;
