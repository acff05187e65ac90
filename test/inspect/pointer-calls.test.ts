// SPDX-License-Identifier: MIT
/** Numbers of calls that are made through pointers to a wrapper. */
import { describe, expect, test } from "vitest";
import { inspect } from "../../src/inspect/inspect.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

async function callsOf(name: string, body: string, ...flags: readonly string[]) {
  workshop.write(
    `${name}.c`,
    `#include <stdlib.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    typedef long call(long number, long argument);
    __attribute__((noinline)) static long raw(long number, long argument) {
      long result;
      __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(argument) : "rcx", "r11", "memory");
      return result;
    }
    ${body}`,
  );
  workshop.run("gcc", "-O2", "-fno-ipa-cp", "-fno-ipa-sra", "-fno-inline", `${name}.c`, "-o", name, ...flags);
  const { syscalls, complete } = await inspect({ path: `${workshop.directory}/${name}`, mode: "precise" });
  return { names: syscalls.map((call) => call.name), complete };
}

describe("a pointer to a wrapper", () => {
  test("that a register keeps for several calls", async () => {
    const loop = `int main(int c, char **v) {
      for (int i = 0; i < c; i++) { syscall(SYS_acct, v[i]); syscall(SYS_swapoff, v[i]); }
      return 0;
    }`;
    const { names, complete } = await callsOf("kept", loop, "-fno-plt");
    expect(names).toEqual(expect.arrayContaining(["acct", "swapoff"]));
    expect(complete).toBe(true);
  });

  // As libcap has it.
  test("in a structure that functions are given", async () => {
    const { names, complete } = await callsOf(
      "structure",
      `struct caller { long other; call *three; };
      static struct caller single = { 1, raw }, several = { 2, raw };
      static long account(struct caller *by) { return by->three(SYS_acct, by->other); }
      static long swap(struct caller *by) { return by->three(SYS_swapoff, 0); }
      int main(int c, char **v) { return account(c > 1 ? &single : &several) + swap(&several); }`,
    );
    expect(names).toEqual(expect.arrayContaining(["acct", "swapoff"]));
    expect(complete).toBe(true);
  });

  test("in a structure whose other member calls something else", async () => {
    const { names } = await callsOf(
      "members",
      `static long quiet(long number, long argument) { return number + argument; }
      struct caller { call *first, *second; };
      static struct caller single = { quiet, raw };
      static long sum(struct caller *by) { return by->first(SYS_acct, 0); }
      static long swap(struct caller *by) { return by->second(SYS_swapoff, 0); }
      int main(int c, char **v) { struct caller *volatile by = &single; return sum(by) + swap(by); }`,
    );
    expect(names).toContain("swapoff");
    expect(names).not.toContain("acct");
  });

  test.each([
    [
      "stored in a variable that others see",
      "call *volatile hook; int main(int c, char **v) { hook = raw; return hook(atoi(v[1]), 0); }",
    ],
    ["passed on", "int main(int c, char **v) { return bsearch(v, v, c, 8, (void *)raw) != 0; }"],
    [
      "in a structure, with a number from outside",
      `struct caller { call *three; };
      static struct caller single = { raw };
      int main(int c, char **v) { struct caller *volatile by = &single; return by->three(atoi(v[1]), 0); }`,
    ],
  ])("%s leaves its number open", async (_, body) => {
    expect((await callsOf("open", body)).complete).toBe(false);
  });
});
