// SPDX-License-Identifier: MIT
/** Addresses of the vsyscall page: arch/x86/include/uapi/asm/vsyscall.h in the kernel source. */
import { describe, expect, test } from "vitest";
import { inspect } from "../../src/inspect/inspect.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

async function showsPage(name: string, source: string, ...flags: string[]): Promise<boolean> {
  workshop.write(`${name}.c`, source);
  workshop.run("gcc", "-w", `${name}.c`, "-o", name, ...flags);
  const { features } = await inspect({ path: `${workshop.directory}/${name}`, mode: "precise" });
  return features.some((feature) => feature.name === "vsyscall page");
}

const calls = (address: string) =>
  `int main(void) { long t; return ((long (*)(long *, void *))${address})(&t, 0) == -1; }`;

describe.each([
  ["dynamic", []],
  ["static", ["-static"]],
])("a %s program", (kind, flags) => {
  test.each(["0xffffffffff600000", "0xffffffffff600400", "0xffffffffff600800"])(
    "that calls %s shows it, optimized or not",
    async (address) => {
      for (const level of ["-O0", "-O2"])
        expect(await showsPage(`${kind}${level}${address}`, calls(address), level, ...flags)).toBe(true);
    },
  );

  test("that has the address in a table shows it", async () => {
    const table = "long (*volatile table[])(long *) = { (void *)0xffffffffff600400 };";
    const source = `${table} int main(void) { return table[0](0) == -1; }`;
    expect(await showsPage(`table-${kind}`, source, "-O2", ...flags)).toBe(true);
  });

  test("without such an address does not", async () => {
    const source =
      '#include <stdio.h>\n#include <time.h>\nint main(void) { printf("%ld", time(0)); return 0; }';
    expect(await showsPage(`plain-${kind}`, source, "-O2", ...flags)).toBe(false);
  });
});
