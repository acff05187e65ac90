// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import { readInput } from "../../src/host/files.js";
import { inspect } from "../../src/inspect/inspect.js";
import { compileInit, readCallsTemplate, readDispatchTemplate } from "../../src/stubs/compile.js";
import {
  attributeCalls,
  type Decision,
  firstProcessCalls,
  renderCalls,
  renderDispatch,
} from "../../src/stubs/render.js";
import { parseSyscallTable } from "../../src/stubs/table.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

const table = parseSyscallTable(`# a comment
0	common	read			sys_read
4	common	stat			sys_newstat
59	64	execve			sys_execve
134	64	uselib
165	common	mount			sys_mount
512	x32	rt_sigaction		compat_sys_rt_sigaction
`);

const render = async (decisions: Readonly<Record<string, Decision>>) =>
  renderDispatch(await readDispatchTemplate(), table, new Map(Object.entries(decisions)));
const used: Decision = { answer: "kernel", reason: "main → p:main" };
const masked: Decision = { answer: "kill", reason: "nothing that can run makes it" };

test("the table has the entries of the 64-bit ABI, and numbers without a function", () => {
  expect(table.map(({ number, name }) => [number, name])).toEqual([
    [0, "read"],
    [4, "stat"],
    [59, "execve"],
    [134, "uselib"],
    [165, "mount"],
  ]);
  expect(table[1]).toMatchObject({ entryPoint: "sys_newstat" });
  expect(table[3]).not.toHaveProperty("entryPoint");
});

test("a text that is no table is an error", () => {
  expect(() => parseSyscallTable("<html>")).toThrow("UKL-901");
});

describe("the rendered dispatch", () => {
  test("names the function of a call that is made, with the reason, and not that of a masked one", async () => {
    const text = await render({ read: used, stat: masked });
    expect(text).toContain("/* read: main -> p:main */\n\tcase 0:\n\t\treturn __x64_sys_read(regs);");
    expect(text).toContain('/* masked: nothing that can run makes it */\n\t[4] = { "stat", ANSWER_KILL },');
    expect(text).not.toContain("sys_newstat");
  });

  test("lets what the first process needs through for it alone", async () => {
    const text = await render({ read: used, stat: masked, execve: masked, mount: masked });
    expect(text).toContain("return pass_first(regs, 165, __x64_sys_mount);");
    expect(text).toContain("return is_masked() ? answer(regs, 59) : execute(regs, __x64_sys_execve);");
  });

  test("leaves a number without a function to the kernel's answer", async () => {
    const text = await render({ uselib: used });
    expect(text).not.toContain("uselib");
    expect(text).not.toContain("case 134");
  });

  test("has no hole left, and no reason ends its comment", async () => {
    const text = await render({ read: { answer: "kernel", reason: 'a */ "b" \n c' } });
    expect(text).not.toMatch(/@[A-Z]+@/);
    expect(text).toContain('/* read: a * / "b" ? c */');
  });
});

test.each([
  [false, [...firstProcessCalls]],
  [true, [...firstProcessCalls, ...attributeCalls]],
])(
  "the calls that pass for the first process are those that it makes (attributes: %s)",
  async (setsAttributes, calls) => {
    const path = await compileInit("gcc 1", { setsAttributes });
    expect((await readInput(path)).length).toBeGreaterThan(0);
    const { complete, syscalls } = await inspect({ path, mode: "precise" });
    expect(complete).toBe(true);
    expect(syscalls.map(({ name }) => name).sort()).toEqual([...calls].sort());
  },
);

describe("the rendered calls", () => {
  const calls = async (takesShortcuts: boolean, decisions: Readonly<Record<string, Decision>> = {}) =>
    renderCalls(await readCallsTemplate(), {
      table: [...table, { number: 39, name: "getpid", entryPoint: "sys_getpid" }],
      decisions: new Map(Object.entries(decisions)),
      numbers: new Set([0, 4, 39, 59, 999]),
      words: new Set([16, 8]),
      takesShortcuts,
    });

  test("are functions, or the dispatch where the number decides", async () => {
    const { text, shortcuts } = await calls(false);
    expect(text).toContain("\tcall_function 0, __x64_sys_read\n\tcall_function 4, __x64_sys_newstat\n");
    expect(text).toContain("\ttell_number 39, ukl_getpid\n\tcall_any 59\n\tcall_any 999\n");
    expect(shortcuts).toEqual([]);
  });

  test("are shortcuts where these are wanted, and there is one", async () => {
    const { text, shortcuts } = await calls(true);
    expect(text).toContain("\tcall_function 0, ukl_read\n\tcall_function 4, __x64_sys_newstat\n");
    expect(shortcuts).toEqual(["read"]);
  });

  test("that are masked are neither", async () => {
    const { text, shortcuts } = await calls(true, { read: masked, getpid: masked });
    expect(text).toContain("\tcall_any 0\n");
    expect(text).toContain("\tcall_any 39\n");
    expect(shortcuts).toEqual([]);
  });

  test("have a slot each, and others that for any number", async () => {
    const { slotOf } = await calls(false);
    const numbers = [0, 4, 39, 59, 999].map((number) => slotOf({ number }));
    const slots = [...numbers, ...[8, 16].map((wordAt) => slotOf({ wordAt }))];
    expect(new Set(slots).size).toBe(7);
    expect(slotOf({ number: 7 })).toBe(slotOf({}));
    expect(slots).not.toContain(slotOf({ number: 7 }));
  });

  test("are shortcuts for numbers that show when they run, but for masked ones", async () => {
    const choices = async (...request: Parameters<typeof calls>) =>
      (await calls(...request)).text.match(/^\tchoose .*$/gm);
    expect(await choices(true)).toEqual(["\tchoose 0, ukl_read"]);
    expect(await choices(true, { read: masked })).toBe(null);
    expect(await choices(false)).toBe(null);
  });

  test("have a stub at each of the addresses that the kernel takes for the beginning of one, and no other code", async () => {
    const { text } = await calls(true);
    // Behind what ring 3 does and a slot each.
    const firstStub = 32 + 8 * 8;
    workshop.write("calls.S", text);
    workshop.run("gcc", "-c", "calls.S", "-o", "calls.o");
    const listing = workshop.run("objdump", "-d", "-j", ".rodata.ukl_calls", "--no-show-raw-insn", "calls.o");
    const starts = [...listing.matchAll(/^ +([0-9a-f]+):\t(?!int3)(\w+)/gm)]
      .map(([, at = "", mnemonic = ""]) => [Number.parseInt(at, 16), mnemonic] as const)
      .filter(([at]) => at % 32 === 0 && at >= firstStub);
    expect(starts.length).toBeGreaterThanOrEqual(8);
    expect(starts.filter(([, mnemonic]) => mnemonic !== "pop")).toEqual([]);
  });
});
