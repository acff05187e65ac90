// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import { chooseMask, type ListedCalls, type MaskRequest } from "../../src/mask/choose.js";
import { type InspectedCalls, usedCalls } from "../../src/mask/used.js";

const known = ["read", "write", "brk", "arch_prctl", "exit_group", "mount", "ptrace", "restart_syscall"];

const program: InspectedCalls = {
  complete: true,
  target: { path: "/bin/program" },
  syscalls: [
    {
      name: "write",
      layers: ["main"],
      evidence: [{ root: "main", chain: ["program:main", "program:puts"] }],
    },
    { name: "brk", layers: ["startup", "main"], evidence: [{ root: "entry", chain: ["program:_start"] }] },
    { name: "arch_prctl", layers: ["startup"], evidence: [{ root: "entry", chain: ["program:_start"] }] },
    { name: "exit_group", layers: ["startup"], evidence: [{ root: "entry", chain: ["program:_start"] }] },
    { name: "ptrace", layers: ["dlopen"], evidence: [] },
  ],
  unknownSites: [],
  undefinedSymbols: [],
};
const open: InspectedCalls = {
  ...program,
  complete: false,
  unknownSites: [
    {
      library: "program",
      symbol: "syscall",
      offset: "0x10",
      reached: true,
      reason: "the number is an argument",
    },
  ],
};

function choose(request: Partial<MaskRequest> = {}, programs = [program], listed?: ListedCalls) {
  return chooseMask({ calls: {}, ...request }, usedCalls(programs), listed, known);
}

const answers = ({ decisions }: ReturnType<typeof choose>) =>
  Object.fromEntries([...decisions].map(([name, { answer }]) => [name, answer]));

test("what nothing makes gets ENOSYS, and so does what only libraries that are not there would make", () => {
  expect(answers(choose())).toEqual({
    read: "enosys",
    write: "kernel",
    brk: "kernel",
    arch_prctl: "kernel",
    exit_group: "kernel",
    mount: "enosys",
    ptrace: "enosys",
    restart_syscall: "kernel",
  });
});

test("a call that is made has the functions that lead to it as its reason", () => {
  expect(choose().decisions.get("write")?.reason).toBe("main → program:main → program:puts");
});

test("what a second program of the image makes is let through", () => {
  const other = { ...program, syscalls: [{ name: "mount", layers: ["main"], evidence: [] }] };
  expect(answers(choose({}, [program, other]))).toMatchObject({ mount: "kernel", read: "enosys" });
});

test("a policy for single calls goes before the default and before what was found", () => {
  const calls = { write: "kill", mount: "allow", read: "success" } as const;
  expect(answers(choose({ default: "eperm", calls }))).toMatchObject({
    write: "kill",
    mount: "kernel",
    read: "success",
    ptrace: "eperm",
  });
});

test("'none' masks what is named, and nothing else", () => {
  const mask = choose({ default: "none", calls: { mount: "log" } });
  expect([...mask.decisions].filter(([, { answer }]) => answer !== "kernel").map(([name]) => name)).toEqual([
    "mount",
  ]);
  expect(mask.notApplied).toBeUndefined();
});

describe("where a number stays unknown", () => {
  test("nothing is masked, and the mask says which site is to blame", () => {
    const mask = choose({}, [program, open]);
    expect(mask.policy).toBe("none");
    expect(mask.notApplied).toContain("0x10 in program:syscall");
    expect(answers(mask)).toMatchObject({ read: "kernel", mount: "kernel" });
  });

  test("a mask that is asked for is applied", () => {
    const mask = choose({ default: "kill" }, [open]);
    expect(mask.notApplied).toBeUndefined();
    expect(answers(mask)).toMatchObject({ read: "kill", write: "kernel" });
  });

  test("a list of calls is enough to apply one", () => {
    const listed = { path: "list", names: ["write", "brk", "arch_prctl", "exit_group", "read"] };
    expect(answers(choose({}, [open], listed))).toMatchObject({ read: "kernel", mount: "enosys" });
  });
});

describe("a list of calls", () => {
  const names = ["brk", "arch_prctl", "exit_group", "mount"];

  test("stands for what was found, but for what the kernel calls by itself", () => {
    expect(answers(choose({}, [program], { path: "list", names }))).toMatchObject({
      mount: "kernel",
      write: "enosys",
      restart_syscall: "kernel",
    });
  });

  test("that lacks what the start-up needs is refused with the way there", () => {
    const listed = { path: "list", names: names.slice(1) };
    expect(() => choose({}, [program], listed)).toThrow(
      expect.objectContaining({
        code: "UKL-113",
        detail: expect.objectContaining({
          what: expect.stringContaining("hides brk"),
          cause: "brk: entry → program:_start",
        }),
      }),
    );
  });
});

test("a mask on what the start-up needs is refused", () => {
  expect(() => choose({ calls: { arch_prctl: "enosys" } })).toThrow("hides arch_prctl");
});

test("a call that x86-64 does not have is refused with the nearest names", () => {
  const refusal = (run: () => unknown) => {
    try {
      run();
      return undefined;
    } catch (error) {
      return error;
    }
  };
  expect(refusal(() => choose({ calls: { wriet: "kill" } }))).toMatchObject({
    code: "UKL-113",
    detail: { fix: expect.stringContaining("did you mean write") },
  });
  expect(refusal(() => choose({}, [program], { path: "list.json", names: ["raed"] }))).toMatchObject({
    detail: { what: expect.stringContaining("list.json names 'raed'"), fix: expect.stringContaining("read") },
  });
});
