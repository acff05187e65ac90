// SPDX-License-Identifier: MIT
/**
 * The part of elfy 1.0.0 that is used (raw.ts), which comes without types. Fields that elfy reads wrongly
 * are left out on purpose, so that nobody can use them.
 */
declare module "elfy" {
  interface Header {
    readonly class: "32" | "64";
    readonly endian: "lsb" | "msb";
    readonly type: string | undefined;
    readonly machine: string | undefined;
    readonly version: number;
    readonly phoff: number;
    readonly shoff: number;
    readonly flags: number;
    readonly ehsize: number;
    readonly phentsize: number;
    readonly phnum: number;
    readonly shentsize: number;
    readonly shnum: number;
    readonly shstrndx: number;
  }

  interface Program {
    readonly offset: number;
    readonly filesz: number;
    readonly memsz: number;
    readonly align: number;
  }

  interface Section {
    readonly name: number;
    readonly off: number;
    readonly size: number;
    readonly link: number;
    readonly info: number;
  }

  interface Parser {
    parseHeader(file: Buffer): Header;
    parseProgram(entry: Buffer, header: Header, file: Buffer): Program;
    parseSection(entry: Buffer, header: Header, file: Buffer): Section;
  }

  const elfy: { readonly Parser: new () => Parser };
  export default elfy;
}
