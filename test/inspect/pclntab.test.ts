// SPDX-License-Identifier: MIT
/** Functions of Go programs, held against the symbols nm lists in the unstripped build. Needs the package golang-go. */
import { beforeAll, describe, expect, test } from "vitest";
import { PT } from "../../src/elf/constants.js";
import { parseElf } from "../../src/elf/file.js";
import { UklError } from "../../src/errors.js";
import { readGoFunctions } from "../../src/inspect/pclntab.js";
import { openWorkshop, startClock, withoutSectionHeaders } from "../elf/toolchain.js";
import { randomFrom } from "../support/random.js";

const workshop = openWorkshop();
const timeLimitMs = 500;

const source = `package main

import "fmt"

type shape interface{ area() int }
type square struct{ side int }

//go:noinline
func (s square) area() int { return s.side * s.side }

//go:noinline
func largest[T int | float64](a, b T) T {
	if a > b {
		return a
	}
	return b
}

func main() {
	var s shape = square{3}
	fmt.Println(s.area(), largest(1, 2), largest(1.5, 2.5))
}
`;

/** How a program is linked: by Go's linker or, around C code, by the host's. */
const builds: Readonly<Record<string, readonly string[]>> = {
  fixed: ["-buildmode=exe", "-ldflags=-linkmode=internal"],
  pie: ["-buildmode=pie", "-ldflags=-linkmode=internal"],
  "fixed-by-gcc": ["-buildmode=exe", "-ldflags=-linkmode=external"],
  "pie-by-gcc": ["-buildmode=pie", "-ldflags=-linkmode=external"],
};
const names = Object.keys(builds);

beforeAll(() => {
  workshop.write("main.go", source);
  const environment = [`GOCACHE=${workshop.directory}/cache`, "GO111MODULE=off", "GOFLAGS=", "CGO_ENABLED=1"];
  for (const [name, [mode = "", linking = ""]] of Object.entries(builds)) {
    const build = (output: string, flags: string) =>
      workshop.run("env", ...environment, "go", "build", mode, flags, "-o", output, "main.go");
    build(name, linking);
    build(`${name}-stripped`, `${linking} -s -w`);
  }
});

interface Listed {
  readonly address: number;
  readonly name: string;
}

/** What nm has in the text of Go, in order. */
function goSymbols(file: string): { readonly functions: readonly Listed[]; readonly end: number } {
  const rows = [...workshop.run("nm", file).matchAll(/^([0-9a-f]+) [Tt] (.+)$/gm)];
  const symbols = rows.map(([, address = "", name = ""]) => ({
    address: Number.parseInt(address, 16),
    name,
  }));
  const at = (name: string) => symbols.find((symbol) => symbol.name === name)?.address ?? Number.NaN;
  const [start, end] = [at("runtime.text"), at("runtime.etext")];
  const functions = symbols
    .filter(({ address, name }) => address >= start && address < end && name !== "runtime.text")
    .toSorted((a, b) => a.address - b.address);
  expect(functions.length).toBeGreaterThan(1000);
  return { functions, end };
}

function functionsOf(bytes: Uint8Array): Listed[] | undefined {
  const found = readGoFunctions(parseElf(bytes, "input"));
  return found && [...found.starts].map((address, index) => ({ address, name: found.name(index) }));
}

/** Without what only one side has: the ABI of a symbol, and the type arguments of a generic function. */
const bare = ({ name }: Listed) => name.replace(/\.abi(0|internal)$/, "").replace(/\[.*\]/, "[...]");

describe.each(names)("a program linked as %s", (name) => {
  test("has the functions of nm, by address and name", () => {
    const { functions, end } = goSymbols(name);
    const found = functionsOf(workshop.read(name)) ?? [];
    expect(found.map(({ address }) => address)).toEqual(functions.map(({ address }) => address));
    expect(found.map(bare)).toEqual(functions.map(bare));
    const table = readGoFunctions(workshop.parse(name));
    expect(table?.end).toBeLessThanOrEqual(end);
    expect(table?.end).toBeGreaterThan(functions.at(-1)?.address ?? Number.NaN);
  });

  test("has as many when stripped, of symbols and of section headers", () => {
    const count = goSymbols(name).functions.length;
    const stripped = workshop.read(`${name}-stripped`);
    const found = functionsOf(stripped) ?? [];
    expect(found).toHaveLength(count);
    expect(found.map((each) => each.name)).toEqual(expect.arrayContaining(["main.main", "main.square.area"]));
    expect(functionsOf(withoutSectionHeaders(stripped))).toEqual(found);
  });

  test("needs no start of the text in the header", () => {
    const original = workshop.read(name);
    const bytes = Buffer.from(original);
    const magic = bytes.indexOf(Buffer.of(0xf0, 0xff, 0xff, 0xff, 0, 0, 1, 8));
    expect(magic).toBeGreaterThan(0);
    bytes.fill(0, magic + 24, magic + 32);
    expect(functionsOf(bytes)).toEqual(functionsOf(original));
  });
});

test("a program in C has no functions of Go, even when it carries a Go program", () => {
  workshop.write("plain.c", "int main(void) { return 0; }\n");
  workshop.run("gcc", "-o", "plain", "plain.c");
  workshop.assemble("carrier", '.text\n.zero 0x200000\n.section .rodata\n.balign 4096\n.incbin "fixed"\n');
  workshop.run("gcc", "-no-pie", "-o", "carrier", "plain.c", "carrier.o");
  for (const file of ["plain", "carrier", "carrier.o"]) {
    expect(functionsOf(workshop.read(file))).toBeUndefined();
  }
});

/** Three functions, whose description by the runtime is a pointer to the table and the bounds of the text. */
const program = `.text
.globl _start
.balign 32
_start: nop; nop; ret
.balign 16
second: ret
.balign 16
third: nop; ret
end: hlt
.section .noptrdata,"aw"
.balign 8
module: .quad table, 0, 0, _start, end, _start, end
.section .gopclntab,"aw"
.balign 32
`;
const strings = (base: string) =>
  `n1: .asciz "main.first"\nn2: .asciz "main.(*T).second"\nn3: .asciz "third·"\n.set names, ${base}\n`;

/** Tables of older and newer forms than the compiler at hand writes, by the format's description. */
const forms: Readonly<Record<string, string>> = {
  "Go 1.2": `table: .long 0xfffffffb; .byte 0, 0, 1, 8; .quad 3
    .quad _start, r1 - table, second, r2 - table, third, r3 - table, end
    r1: .quad _start; .long n1 - names
    r2: .quad second; .long n2 - names
    r3: .quad third; .long n3 - names
    ${strings("table")}`,
  "Go 1.16": `table: .long 0xfffffffa; .byte 0, 0, 1, 8; .quad 3, 0, names - table, 0, 0, 0, pairs - table
    ${strings("n1")}.balign 8
    pairs: .quad _start, r1 - pairs, second, r2 - pairs, third, r3 - pairs, end
    r1: .quad _start; .long n1 - names
    r2: .quad second; .long n2 - names
    r3: .quad third; .long n3 - names`,
  "Go 1.20": `table: .long 0xfffffff1; .byte 0, 0, 1, 8
    .quad 3, 0, 0, names - table, 0, 0, 0, pairs - table
    ${strings("n1")}.balign 4
    pairs: .long 0, r1 - pairs, second - _start, r2 - pairs, third - _start, r3 - pairs, end - _start
    r1: .long 0, n1 - names
    r2: .long second - _start, n2 - names
    r3: .long third - _start, n3 - names`,
};

describe.each(Object.keys(forms))("a table of %s", (form) => {
  test.each(["-no-pie", "-pie"])("linked with %s is read", (linking) => {
    workshop.assemble("form", program + forms[form]);
    workshop.run("ld", linking, "-o", "form", "form.o");
    const rows = [...workshop.run("nm", "form").matchAll(/^([0-9a-f]+) [Tt] (_start|second|third|end)$/gm)];
    const at = (name: string) => Number.parseInt(rows.find((row) => row[2] === name)?.[1] ?? "", 16);
    const expected = [
      { address: at("_start"), name: "main.first" },
      { address: at("second"), name: "main.(*T).second" },
      { address: at("third"), name: "third·" },
    ];
    const bytes = workshop.read("form");
    expect(functionsOf(bytes)).toEqual(expected);
    expect(readGoFunctions(parseElf(bytes, "form"))?.end).toBe(at("end"));
    expect(functionsOf(withoutSectionHeaders(bytes))).toEqual(expected);
    const elf = parseElf(bytes, "form");
    // As linkers do that write addends only to the relocations.
    for (const offset of elf.dynamicRelocations.offsets) elf.bytesAt(BigInt(offset), 8)?.fill(0);
    expect(functionsOf(bytes)).toEqual(expected);
    expect(readGoFunctions(elf)?.name(3)).toBe("");
    expect(readGoFunctions(elf)?.name(-1)).toBe("");
  });
});

test("random damages of the table end soon, in functions inside of code or in none", () => {
  const original = workshop.read("fixed-stripped");
  const table = parseElf(original, "fixed").section(".gopclntab");
  if (table === undefined) throw new Error("the sample has no table");
  const next = randomFrom(20240612);
  for (let round = 0; round < 200; round++) {
    const bytes = round % 2 === 0 ? Buffer.from(original) : withoutSectionHeaders(original);
    for (let flip = 0; flip <= round % 4; flip++) {
      const at = table.offset + next(flip % 2 === 0 ? table.size : 72);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << next(8));
    }
    const elapsedMs = startClock();
    const elf = parseElf(bytes, "damaged");
    const functions = readGoFunctions(elf);
    for (const index of functions?.starts.keys() ?? []) functions?.name(index);
    expect(elapsedMs()).toBeLessThan(timeLimitMs);
    if (functions === undefined) continue;
    const code = elf.segments.find(({ type, flags }) => type === PT.LOAD && (flags & 1) !== 0);
    const [low, high] = [Number(code?.vaddr), Number(code?.vaddr) + (code?.memsz ?? 0)];
    expect(functions.starts.every((start) => start >= low && start <= high)).toBe(true);
    expect(functions.starts).toEqual(functions.starts.toSorted());
  }
});

test("a file full of headers is refused soon", () => {
  const header = ".long 0xfffffff1; .byte 0, 0, 1, 8; .quad 60000, 0, 0, 0, 0, 0, 0, 0\n";
  workshop.assemble("many", `.globl _start\n_start: ret\n.data\n.balign 8\n.rept 20000\n${header}.endr\n`);
  workshop.run("ld", "-o", "many", "many.o");
  const elapsedMs = startClock();
  try {
    expect(functionsOf(workshop.read("many"))).toBeUndefined();
  } catch (error) {
    expect(error).toBeInstanceOf(UklError);
  }
  expect(elapsedMs()).toBeLessThan(timeLimitMs);
});
