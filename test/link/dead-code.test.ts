// SPDX-License-Identifier: MIT
/** Objects with a kernel's side tables are made with as, pruned, and linked with ld, which names what is there. */
import { describe, expect, test } from "vitest";
import { collectDeadCode } from "../../src/link/dead-code/collect.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

/** As in a kernel's script: tables between two symbols, code by section name, and a symbol of its own. */
const script = `
ENTRY(start)
alias = named_by_script;
SECTIONS {
  .text 0x100000 : { KEEP(*(.head.text)) *(.text .text.*) *(.init.text) *(.altinstr_aux) *(.altinstr_replacement) }
  .data : { *(.data .data.*) KEEP(*(.initcall6.init)) }
  .ex_table : { ex_begin = .; KEEP(*(__ex_table)) ex_end = .; }
  .locks : { locks_begin = .; KEEP(*(.smp_locks)) locks_end = .; }
  .alternatives : { alternatives_begin = .; KEEP(*(.altinstructions)) alternatives_end = .; }
  .bugs : { KEEP(*(__bug_table)) }
  .jumps : { jumps_begin = .; KEEP(*(__jump_table)) jumps_end = .; }
  .unknown : { KEEP(*(unknown_table)) }
  /DISCARD/ : { *(.discard.*) *(.note.*) }
}`;

const begin = (name: string, section = `.text.${name}`) =>
  `.section ${section},"ax",@progbits\n.globl ${name}\n.type ${name},@function\n${name}:\n`;
const table = (name: string, ...lines: string[]) =>
  `.pushsection ${name},"a",@progbits\n${lines.join("\n")}\n.popsection\n`;
const call = (name: string) => `call ${name}\n`;
const end = "ret\n";
/** Code that may fault, and goes on in `fixup`. */
const mayFault = (fixup: string) => `1: nop\n${table("__ex_table", `.long 1b - ., ${fixup} - ., 7`)}`;
const locked = `2: lock incl (%rax)\n${table(".smp_locks", ".balign 4", ".long 2b - .")}`;
const alternative = (replacement: string) =>
  `3: nop\nnop\nnop\nnop\nnop\n${table(".altinstructions", ".long 3b - ., 4f - .", ".long 9", ".byte 5, 5f - 4f")}` +
  `.pushsection .altinstr_replacement,"ax"\n4: ${replacement}\n5:\n.popsection\n`;

interface Linked {
  /** Names of the functions and data that are there. */
  readonly names: readonly string[];
  address(name: string): number;
  /** 32-bit words of an output section. */
  words(section: string): readonly number[];
}

let count = 0;

/** The object of `source`, pruned, linked with `other`. */
function pruned(
  source: string,
  options: { needed?: string[]; other?: string; tables?: boolean } = {},
): Linked {
  count += 1;
  const [object, other, linked] = [`object-${count}`, `other-${count}`, `linked-${count}`];
  workshop.assemble(object, `${source}\n${begin("named_by_script")}${end}`);
  workshop.assemble(other, options.other ?? "");
  const bytes = collectDeadCode({
    object: workshop.read(`${object}.o`),
    path: `${object}.o`,
    script,
    others: [workshop.parse(`${other}.o`)],
    neededSymbols: options.needed ?? [],
    keepSideTables: options.tables === false,
  });
  workshop.write(`${object}.pruned.o`, bytes);
  workshop.write("script.lds", script);
  workshop.run("ld", "-T", "script.lds", "-o", linked, `${object}.pruned.o`, `${other}.o`);
  const symbols = new Map(
    [...workshop.run("nm", linked).matchAll(/^(\w+) . (\S+)$/gm)].map(([, at, name = ""]) => [
      name,
      Number.parseInt(at ?? "", 16),
    ]),
  );
  return {
    names: [...symbols.keys()],
    address: (name) => symbols.get(name) ?? Number.NaN,
    words(section) {
      const file = workshop.parse(linked);
      const found = file.section(section);
      const bytes = found === undefined ? new Uint8Array() : file.sectionBytes(found);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return Array.from({ length: Math.floor(bytes.length / 4) }, (_, word) => view.getInt32(word * 4, true));
    },
  };
}

describe("code and data", () => {
  test("that nothing refers to are gone, and so is what only they refer to", () => {
    const { names } = pruned(
      begin("start", ".head.text") +
        call("used") +
        end +
        begin("used") +
        end +
        begin("dead") +
        call("dead_too") +
        end +
        begin("dead_too") +
        end +
        '.section .data.table,"aw"\n.globl dead_data\ndead_data: .quad dead_too\n',
    );
    expect(names).toEqual(expect.arrayContaining(["start", "used", "named_by_script"]));
    expect(names.filter((name) => name.startsWith("dead"))).toEqual([]);
  });

  test("stay when an initcall, another object, the script or the request names them", () => {
    const { names } = pruned(
      `${begin("start", ".head.text")}${end}${begin("initcall")}${end}${begin("by_other")}${end}` +
        `${begin("requested")}${end}.section .initcall6.init,"a"\n.long initcall - .\n`,
      { needed: ["requested"], other: '.section .text.o,"ax"\ncall by_other\n' },
    );
    expect(names).toEqual(expect.arrayContaining(["initcall", "by_other", "requested", "named_by_script"]));
  });

  test("of a section that is not known stay, with what they refer to", () => {
    const { names } = pruned(
      `${begin("start", ".head.text")}${end}${begin("listed")}${end}${table("unknown_table", ".quad listed")}`,
    );
    expect(names).toContain("listed");
  });

  test("of a weak definition are gone when another object brings its own", () => {
    const kernel =
      `${begin("start", ".head.text")}${call("dispatch")}${end}${begin("dispatch")}.weak dispatch\n` +
      `${call("call_a")}${call("call_b")}${end}${begin("call_a")}${end}${begin("call_b")}${end}`;
    expect(pruned(kernel).names).toEqual(expect.arrayContaining(["call_a", "call_b"]));
    const { names } = pruned(kernel, { other: `${begin("dispatch")}${call("call_a")}${end}` });
    expect(names).toContain("call_a");
    expect(names).not.toContain("call_b");
  });
});

describe("records of side tables", () => {
  const faults =
    `${begin("dead_first")}${mayFault("dead_fixup")}${end}${begin("dead_fixup")}${end}` +
    `${begin("start", ".head.text")}${call("live")}${end}` +
    `${begin("live")}${end}${".globl live_place\nlive_place:\n"}${mayFault("live_fixup")}${end}` +
    `${begin("dead_last")}${mayFault("dead_fixup")}${end}${begin("live_fixup")}${end}`;

  test("go with their functions, keep nothing alive, and the others still name their places", () => {
    const linked = pruned(faults);
    expect(linked.names.filter((name) => name.startsWith("dead"))).toEqual([]);
    const [instruction = 0, fixup = 0, type, ...more] = linked.words(".ex_table");
    const at = linked.address("ex_begin");
    expect(at + instruction).toBe(linked.address("live_place"));
    expect(at + 4 + fixup).toBe(linked.address("live_fixup"));
    expect([type, more]).toEqual([7, []]);
    expect(linked.address("ex_end") - at).toBe(12);
  });

  test("keep everything when they are taken as roots", () => {
    const { names } = pruned(faults, { tables: false });
    expect(names).toEqual(expect.arrayContaining(["dead_first", "dead_fixup", "dead_last"]));
  });

  test("that are not as they should be stay, with what they name", () => {
    const odd = `${faults}${table("__ex_table", ".long 0")}`;
    expect(pruned(odd).names).toContain("dead_first");
  });

  test("that something refers to stay, with what they name", () => {
    const entered = `${faults}.section .data.x,"aw"\n.globl entry\nentry: .quad __ex_table\n`.replace(
      "__ex_table,",
      "__ex_table,",
    );
    const withLabel = entered
      .replace(".long 1b - .", "first_record: .long 1b - .")
      .replace(".quad __ex_table", ".quad first_record");
    expect(pruned(withLabel).names).toContain("dead_first");
  });

  test("of one word each are told apart", () => {
    const linked = pruned(
      `${begin("dead_a")}${locked}${end}${begin("start", ".head.text")}${".globl place\nplace:\n"}${locked}${end}` +
        `${begin("dead_b")}${locked}${end}`,
    );
    expect(linked.words(".locks").map((word) => linked.address("locks_begin") + word)).toEqual([
      linked.address("place"),
    ]);
  });

  test("of __bug_table are understood with and without the file", () => {
    for (const fields of [
      [".long 1b - ., file - .", ".word 7, 9"],
      [".long 1b - .", ".word 9, 0"],
    ]) {
      const bug = `1: ud2\n${table("__bug_table", ...fields)}`;
      const linked = pruned(
        `.section .data.f,"aw"\nfile: .byte 0\n${begin("dead")}${bug}${end}${begin("start", ".head.text")}${bug}${end}`,
      );
      expect(linked.names).not.toContain("dead");
      expect(linked.words(".bugs")).toHaveLength(fields[0]?.includes("file") ? 3 : 2);
    }
  });

  test("of __jump_table keep the key of a live function", () => {
    const jump = (key: string) =>
      `1: nop\n${table("__jump_table", ".long 1b - ., 2f - .", `.quad ${key} - .`)}2:\n`;
    const key = (name: string) => `.section .data.${name},"aw"\n.globl ${name}\n${name}: .quad 0\n`;
    const linked = pruned(
      `${key("live_key")}${key("dead_key")}${begin("dead")}${jump("dead_key")}${end}` +
        `${begin("start", ".head.text")}${jump("live_key")}${end}`,
    );
    expect(linked.names).toContain("live_key");
    expect(linked.names).not.toContain("dead_key");
    const [, , distance = 0] = linked.words(".jumps");
    expect(linked.address("jumps_begin") + 8 + distance).toBe(linked.address("live_key"));
  });
});

describe("code beside other code", () => {
  test("that replaces instructions of a dead function keeps nothing alive", () => {
    const linked = pruned(
      `${begin("dead")}${alternative("call dead_callee")}${end}${begin("dead_callee")}${end}` +
        `${begin("start", ".head.text")}${alternative("call live_callee")}${end}${begin("live_callee")}${end}`,
    );
    expect(linked.names).toContain("live_callee");
    expect(linked.names.filter((name) => name.startsWith("dead"))).toEqual([]);
    const [instruction = 0] = linked.words(".alternatives");
    expect(linked.address("alternatives_begin") + instruction).toBe(linked.address("start"));
    expect(linked.address("alternatives_end") - linked.address("alternatives_begin")).toBe(14);
  });

  test("that a dead function jumps to keeps nothing alive", () => {
    const detour = (to: string) =>
      `jmp 6f\n7:\n.pushsection .altinstr_aux,"ax"\n6: testb $1, flag\njnz ${to}\njmp 7b\n.popsection\n`;
    const { names } = pruned(
      `.section .data.flag,"aw"\nflag: .byte 0\n${begin("dead")}${detour("dead_slow")}${end}` +
        `${begin("dead_slow")}${end}${begin("start", ".head.text")}${detour("live_slow")}${end}` +
        `${begin("live_slow")}${end}`,
    );
    expect(names).toContain("live_slow");
    expect(names.filter((name) => name.startsWith("dead"))).toEqual([]);
  });
});
