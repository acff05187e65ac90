// SPDX-License-Identifier: MIT
import { beforeAll, describe, expect, test } from "vitest";
import { readArchive } from "../../src/elf/archive.js";
import { parseElf } from "../../src/elf/file.js";
import { openWorkshop, startClock } from "./toolchain.js";

const workshop = openWorkshop();
const longName = "a_member_whose_name_is_too_long_for_its_header.o";

beforeAll(() => {
  workshop.assemble("first", ".globl f, g\nf: nop\ng: nop\n");
  workshop.assemble("second", ".globl h\nh: call f\n");
  workshop.run("cp", "second.o", longName);
  workshop.write("odd", "odd");
  workshop.run("ar", "qcs", "lib.a", "first.o", "odd", longName, "first.o");
});

const read = (name: string) => readArchive(workshop.read(name), name);

describe("an archive", () => {
  test("has the members of ar, with long names and names that repeat", () => {
    const names = workshop.run("ar", "t", "lib.a").trimEnd().split("\n");
    expect(names).toContain(longName);
    expect(read("lib.a").members.map(({ name }) => name)).toEqual(names);
  });

  test("gives the bytes of each member without copying", () => {
    const bytes = workshop.read("lib.a");
    const { members } = readArchive(bytes, "lib.a");
    const originals = ["first.o", "odd", longName, "first.o"].map((name) => workshop.read(name));
    expect(members.map((member) => Buffer.from(member.bytes))).toEqual(originals);
    expect(members[0]?.bytes.buffer).toBe(bytes.buffer);
    expect(parseElf(members[2]?.bytes ?? bytes, longName).kind).toBe("relocatable");
  });

  test("has the index of symbols that nm prints", () => {
    const index = workshop.run("nm", "-s", "lib.a").split("\n\n")[0] ?? "";
    const expected = index.split("\n").flatMap((line) => line.match(/^\w+ in .*$/) ?? []);
    const symbols = read("lib.a").symbols.map(({ name, member }) => `${name} in ${member.name}`);
    expect(symbols).toEqual(expected);
    expect(symbols).toContain(`h in ${longName}`);
  });

  test("of the C library has as many members and symbols as ar and nm say", () => {
    const path = workshop.run("gcc", "-print-file-name=libc.a").trim();
    workshop.run("cp", path, "libc.a");
    const archive = read("libc.a");
    expect(archive.members.map(({ name }) => name).join("\n")).toBe(
      workshop.run("ar", "t", "libc.a").trimEnd(),
    );
    const indexed = workshop.run("nm", "-s", "libc.a").match(/^\S+ in \S+\.o[sS]?$/gm);
    expect(archive.symbols.length).toBe(indexed?.length);
  });

  test("without an index has no symbols", () => {
    workshop.run("ar", "rcS", "plain.a", "first.o");
    expect(read("plain.a")).toMatchObject({ members: [{ name: "first.o" }], symbols: [] });
  });

  test("that is thin has names, offsets and symbols, and the members' files elsewhere", () => {
    workshop.run("ar", "rcsT", "thin.a", "first.o", longName);
    const { isThin, members, symbols } = read("thin.a");
    expect(isThin).toBe(true);
    expect(members.map(({ name, bytes }) => [name, bytes.length])).toEqual([
      ["first.o", 0],
      [longName, 0],
    ]);
    expect(symbols.map(({ name, member }) => `${name} in ${member.name}`)).toEqual([
      "f in first.o",
      "g in first.o",
      `h in ${longName}`,
    ]);
    expect(read("lib.a").isThin).toBe(false);
  });

  test("may be empty", () => {
    workshop.run("ar", "rc", "empty.a");
    expect(read("empty.a").members).toEqual([]);
  });
});

describe("an archive is refused as UKL-211", () => {
  const refused = expect.objectContaining({ code: "UKL-211" });

  test("at whatever byte it is cut off inside a member", () => {
    workshop.run("ar", "rcs", "cut.a", "odd", longName);
    const bytes = workshop.read("cut.a");
    const whole = readArchive(bytes, "cut.a").members;
    const boundaries = new Set([8, ...whole.map(({ offset }) => offset)]);
    const ends = whole.map((member) => member.offset + 60 + member.bytes.length);
    const lengths = Array.from({ length: bytes.length }, (_, length) => length);
    const cuts = lengths.filter((length) => !boundaries.has(length) && !ends.includes(length));
    for (const length of cuts) expect(() => readArchive(bytes.subarray(0, length), "cut.a")).toThrow(refused);
  });

  const patch = (at: number, text: string) => {
    const bytes = workshop.read("lib.a");
    bytes.write(text, at, "latin1");
    return () => readArchive(bytes, "lib.a");
  };

  test.each([
    ["a size that is not a number", 8 + 48, "12x       "],
    ["a size beyond the end", 8 + 48, "9999999999"],
    ["a header without its end mark", 8 + 58, "xx"],
    ["an index with more symbols than fit", 8 + 60, "\x7f\xff\xff\xff"],
    ["an index that points between members", 8 + 60 + 4, "\x00\x00\x00\x11"],
  ])("with %s", (_, at, text) => {
    expect(patch(at, text)).toThrow(refused);
  });

  test("with a long name outside the table of long names", () => {
    const { members } = read("lib.a");
    const member = members.find(({ name }) => name === longName);
    expect(patch(member?.offset ?? 0, "/99999          ")).toThrow(refused);
  });

  test("in the BSD form", () => {
    const { members } = read("lib.a");
    expect(patch(members[0]?.offset ?? 0, "#1/20           ")).toThrow(refused);
  });

  test("soon, when thousands of members share one endless name", () => {
    const names = Buffer.concat([Buffer.alloc(1_999_998, "x"), Buffer.from("/\n")]);
    const header = (name: string, size: number) =>
      `${name.padEnd(16)}${"0".padEnd(32)}${String(size).padEnd(10)}\`\n`;
    const bytes = Buffer.concat([
      Buffer.from(`!<arch>\n${header("//", names.length)}`),
      names,
      Buffer.from(header("/0", 0).repeat(20_000)),
    ]);
    const elapsedMs = startClock();
    expect(() => readArchive(bytes, "endless.a")).toThrow(refused);
    expect(elapsedMs()).toBeLessThan(500);
  });
});
