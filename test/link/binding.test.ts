// SPDX-License-Identifier: MIT
/** Sites that the analysis finds bindable in hand-written functions, and the code that they become. */
import { beforeAll, describe, expect, test } from "vitest";
import type { ElfFile } from "../../src/elf/file.js";
import type { Bindings } from "../../src/inspect/bindings.js";
import { inspectForBinding } from "../../src/inspect/inspect.js";
import { bindSites, type SlotOf, verifyBinding } from "../../src/link/binding.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

/** A function each; what is expected of its site: bytes that change, kept bytes and number, or why it is left. */
const functions = {
  number: { code: "mov $39, %eax; syscall; ret", expected: "7 0 39" },
  moved: { code: "mov $17, %eax; mov %rcx, %r10; syscall; ret", expected: "10 3 17" },
  zero: { code: "xor %eax, %eax; syscall; cmp $-4096, %rax; ja 1f; ret; 1: ud2", expected: "10 0 0" },
  given: { code: "mov %edi, %eax; syscall; cmp $-4095, %rax; jae 1f; ret; 1: ud2", expected: "8 0 any" },
  small: { code: "mov %edi, %eax; syscall; cmp $-4096, %eax; ja 1f; ret; 1: ud2", expected: "7 0 any" },
  flags: { code: "xor %eax, %eax; syscall; cmp $-4096, %rax; sete %al; ret", expected: "too few bytes" },
  // As the cancellable calls of glibc 2.41 are made.
  pushed: { code: "push %rbx; mov 0x10(%rsp), %rax; syscall; pop %rbx; ret", expected: "7 0 word 16" },
  pushedFar: { code: "mov 0x80(%rsp), %rax; syscall; ret", expected: "10 0 word 128" },
  pushedNear: { code: "mov (%rsp), %rax; syscall; ret", expected: "too few bytes" },
  pushedHalf: { code: "mov 0x80(%rsp), %eax; syscall; ret", expected: "too few bytes" },
  indexed: { code: "mov 0x8(%rsp,%rdi), %rax; syscall; ret", expected: "too few bytes" },
  elsewhere: { code: "mov 0x8(%r12), %rax; syscall; ret", expected: "too few bytes" },
  pushedTarget: {
    code: "mov $39, %eax; jmp 1f; mov 0x10(%rsp), %rax; 1: syscall; ret",
    expected: "jump target",
  },
  short: { code: "xor %eax, %eax; syscall; ret", expected: "too few bytes" },
  relative: { code: "mov $8, %eax; lea 1f(%rip), %rsi; 1: syscall; ret", expected: "too few bytes" },
  busy: { code: "mov $8, %eax; mov %rax, %rdi; syscall; ret", expected: "too few bytes" },
  leaf: {
    code: "mov %rdi, -16(%rsp); mov $3, %eax; syscall; mov -16(%rsp), %rdi; ret",
    expected: "red zone",
  },
  frame: {
    code: "push %rbp; mov %rsp, %rbp; mov %edi, -4(%rbp); mov $3, %eax; syscall; pop %rbp; ret",
    expected: "red zone",
  },
  roomy: {
    code: "push %rbp; mov %rsp, %rbp; sub $16, %rsp; mov %edi, -4(%rbp); mov $3, %eax; syscall; leave; ret",
    expected: "7 0 3",
  },
  middle: {
    code: "mov $24, %eax; jmp 1f; 2: mov $24, %eax; 1: syscall; test %eax, %eax; js 2b; ret",
    expected: "jump target",
  },
  clone: { code: "mov $56, %eax; syscall; ret", expected: "returns elsewhere" },
  restore: { code: "mov $15, %rax; syscall", expected: "returns elsewhere" },
} as const;

const names = Object.keys(functions) as (keyof typeof functions)[];
const slotOf: SlotOf = ({ number, wordAt }) =>
  0xffffffffff7fc020n + 8n * BigInt(wordAt === undefined ? (number ?? 1000) : 2000 + wordAt);
let file: ElfFile;
let found: Bindings;
const addresses = new Map<string, number>();

beforeAll(async () => {
  const bodies = names.map(
    (name) =>
      `.globl ${name}\n.type ${name}, @function\n${name}: .cfi_startproc\n${functions[name].code}\n.cfi_endproc\n.size ${name}, .-${name}`,
  );
  const calls = names.map((name) =>
    name === "given" || name === "small"
      ? `mov $20, %edi; call ${name}; mov $30, %edi; call ${name}`
      : `call ${name}`,
  );
  workshop.assemble(
    "sites",
    `.text\n.globl _start\n.type _start, @function\n_start: .cfi_startproc\n${calls.join("\n")}\nud2\n.cfi_endproc\n.size _start, .-_start\n${bodies.join("\n")}\n`,
  );
  workshop.run("ld", "-o", "sites", "sites.o");
  file = workshop.parse("sites");
  for (const { name, value } of file.symbols) addresses.set(name, Number(value));
  const { bindings } = await inspectForBinding({ path: `${workshop.directory}/sites`, mode: "precise" });
  const [only] = bindings;
  if (only === undefined) throw new Error("nothing was found");
  found = only;
});

function siteIn(name: string): string {
  const start = addresses.get(name) ?? 0;
  const symbol = file.symbols.find((each) => each.name === name);
  const isInside = ({ at }: { readonly at: number }) => at >= start && at < start + (symbol?.size ?? 0);
  const bindable = found.bindable.find(isInside);
  if (bindable !== undefined) {
    const { sizeBytes, keptBytes, number, wordAt } = bindable;
    return `${sizeBytes} ${keptBytes} ${wordAt === undefined ? (number ?? "any") : `word ${wordAt}`}`;
  }
  return found.left.find(isInside)?.reason ?? "nothing";
}

test.each(names)("%s", (name) => {
  expect(siteIn(name)).toBe(functions[name].expected);
});

describe("the bound file", () => {
  const bind = () => bindSites(file, found.bindable, slotOf);

  test("has calls through the slots, as a disassembler reads it", () => {
    workshop.write("bound", bind());
    const listing = workshop.run("objdump", "-d", "--no-show-raw-insn", "bound");
    const bodyOf = (name: string) =>
      (listing.split(`<${name}>:\n`)[1]?.split("\n\n")[0] ?? "")
        .split("\n")
        .map((line) => line.split("\t").slice(1).join(" ").trim().replaceAll(/\s+/g, " "));
    expect(bodyOf("number")).toEqual(["call *0xffffffffff7fc158", "ret"]);
    expect(bodyOf("moved").slice(0, 2)).toEqual(["mov %rcx,%r10", "call *0xffffffffff7fc0a8"]);
    expect(bodyOf("zero").slice(0, 2)).toEqual(["call *0xffffffffff7fc020", "nopl (%rax)"]);
    expect(bodyOf("given").slice(0, 3)).toEqual(["mov %edi,%eax", "call *0xffffffffff7fdf60", "nop"]);
    expect(bodyOf("pushed")).toEqual(["push %rbx", "call *0xffffffffff7fff20", "pop %rbx", "ret"]);
    expect(bodyOf("pushedFar")[1]).toBe("nopl (%rax)");
    expect(bodyOf("clone").slice(0, 2)).toEqual(["mov $0x38,%eax", "syscall"]);
  });

  test("passes its own verification", () => {
    expect(() => verifyBinding(file, bind(), found.bindable, slotOf)).not.toThrow();
  });

  test("does not pass with any of its bytes changed", () => {
    const bound = bind();
    const text = file.segments.find(({ flags }) => (flags & 1) !== 0);
    const [from, size] = [Number(text?.offset), text?.filesz ?? 0];
    expect(size).toBeGreaterThan(100);
    for (let at = from; at < from + size; at++) {
      const changed = Uint8Array.from(bound);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => verifyBinding(file, changed, found.bindable, slotOf), `byte ${at}`).toThrow("UKL-901");
    }
    expect(() => verifyBinding(file, bound.subarray(1), found.bindable, slotOf)).toThrow("UKL-901");
  });

  test("is not made where no system call is", () => {
    const [site] = found.bindable;
    if (site === undefined) throw new Error("no site");
    const moved = { ...site, at: site.at + 1, keptAt: site.keptAt + 1 };
    expect(() => bindSites(file, [moved], slotOf)).toThrow("UKL-901");
    expect(() => bindSites(file, [{ ...site, at: 16, keptAt: 16 }], slotOf)).toThrow("UKL-901");
  });
});
