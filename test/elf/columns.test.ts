// SPDX-License-Identifier: MIT
/** Columns say the same as the objects of ./file.ts, which other tests compare with readelf. */
import { describe, expect, test } from "vitest";
import { readColumns } from "../../src/elf/columns.js";
import { UklError } from "../../src/errors.js";
import { randomFrom } from "../support/random.js";
import { buildSamples, openWorkshop } from "./toolchain.js";

const workshop = openWorkshop();
buildSamples(workshop);
workshop.assemble(
  "jumps",
  // The assembler writes relocations of jumps that it may shorten behind the others.
  '.globl far\nfirst: jmp far\ntestb $1, far\njne far\n.weak far\n.section other,"a"\n.long first - .\n.quad far + 5\n',
);

describe.each(["sample.o", "jumps.o"])("the columns of %s", (name) => {
  const columns = readColumns(workshop.read(name), name);
  const file = workshop.parse(name);

  test("have its sections", () => {
    const { count, type, flags, offset, size, nameOf } = columns.sections;
    const sections = Array.from({ length: count }, (_, index) => [
      nameOf(index),
      ...[type, flags, offset, size].map((column) => column[index]),
    ]);
    expect(sections).toEqual(
      file.sections.map((section) => [
        section.name,
        ...[section.type, section.flags, section.offset, section.size],
      ]),
    );
  });

  test("have its symbols", () => {
    const { count, section, value, binding, nameOf } = columns.symbols;
    const special = { undefined: 0, absolute: -1, common: -1, other: -1 };
    const bindings = ["local", "global", "weak"];
    const symbols = Array.from({ length: count }, (_, index) => [
      nameOf(index),
      section[index],
      BigInt(value[index] ?? 0),
      bindings[binding[index] ?? 0],
    ]);
    expect(symbols).toEqual(
      file.symbols.map((symbol) => [
        symbol.name,
        typeof symbol.section === "number" ? symbol.section : special[symbol.section],
        symbol.value,
        symbol.binding,
      ]),
    );
  });

  test("have its relocations, in the order of their places", () => {
    const { first, offset, type, symbol, addend } = columns.relocations;
    for (const { target, entries } of file.relocations) {
      const [from = 0, to = 0] = [first[target?.index ?? 0], first[(target?.index ?? 0) + 1]];
      const found = Array.from({ length: to - from }, (_, index) => ({
        offset: BigInt(offset[from + index] ?? 0),
        type: type[from + index],
        symbolIndex: symbol[from + index],
        addend: BigInt(addend[from + index] ?? 0),
      }));
      expect(found).toEqual([...entries].sort((left, right) => Number(left.offset - right.offset)));
    }
  });

  test("of damaged bytes are refused with a code, or read", () => {
    const random = randomFrom(7);
    const whole = workshop.read(name);
    for (let round = 0; round < 500; round++) {
      const damaged = Buffer.from(whole);
      for (let hit = 0; hit < 4; hit++) damaged[random(damaged.length)] = random(256);
      try {
        readColumns(damaged, name);
      } catch (error) {
        expect(error).toBeInstanceOf(UklError);
      }
    }
  });
});
