// SPDX-License-Identifier: MIT
/** Names are bytes: linkers take any. */
import { expect, test } from "vitest";
import { parseElf } from "../../src/elf/file.js";
import { inspect } from "../../src/inspect/inspect.js";
import { inspectionSchema } from "../../src/inspect/schema.js";
import { openWorkshop } from "./toolchain.js";

const workshop = openWorkshop();

test("names that are no UTF-8, or have a newline and quotes, are told apart, found, and valid JSON", async () => {
  const functions = ["cafX", "cafY", "aYbZc"];
  const calls = [39, 102, 110];
  const bodies = functions.map((name, index) => {
    const head = `.globl ${name}\n.type ${name},@function\n.size ${name},8\n`;
    return `${head}${name}: mov $${calls[index]},%eax\nsyscall\nret\n`;
  });
  const start = `.globl _start\n.type _start,@function\n_start: ${functions.map((name) => `call ${name}\n`).join("")}ud2\n`;
  workshop.assemble("names", `.text\n${start}.size _start,.-_start\n${bodies.join("")}`);
  workshop.run("ld", "-o", "names", "names.o");
  const bytes = workshop.read("names");
  bytes[bytes.indexOf("cafX\0") + 3] = 0xe9;
  bytes[bytes.indexOf("cafY\0") + 3] = 0xe8;
  bytes.write('a\nb"c', bytes.indexOf("aYbZc\0"));
  workshop.write("odd", bytes);

  const { symbolTable } = parseElf(bytes, "odd");
  const names = ["caf\\xe9", "caf\\xe8", 'a\nb"c'];
  for (const name of names) expect(symbolTable.named(name)).toHaveLength(1);

  const report = JSON.parse(
    JSON.stringify(await inspect({ path: `${workshop.directory}/odd`, mode: "precise" })),
  );
  expect(inspectionSchema.parse(report).syscalls.map(({ number }) => number)).toEqual(
    expect.arrayContaining(calls),
  );
  const called = inspectionSchema.parse(report).syscalls.flatMap(({ functions: makers }) => makers);
  expect(called).toEqual(expect.arrayContaining(names.map((name) => `odd:${name}`)));
});
