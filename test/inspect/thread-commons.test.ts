// SPDX-License-Identifier: MIT
/** Common symbols of thread variables, and what is compiled for linkers only; gcc and ld are the reference. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { inspect } from "../../src/inspect/inspect.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
const path = (name: string) => join(workshop.directory, name);

test("a common symbol of a thread is in its block, as ld puts it there", async () => {
  workshop.write(
    "common.c",
    "struct wide { char bytes[64]; };\n__thread struct wide wide __attribute__((common));\nint main(void) { return wide.bytes[63]; }\n",
  );
  workshop.run("gcc", "-c", "-O1", "-o", "common.o", "common.c");
  workshop.run("gcc", "-static", "-o", "common", "common.o");
  const [, memoryBytes] =
    /^ +TLS +0x\w+ 0x\w+ 0x\w+ 0x\w+ (0x\w+)/m.exec(workshop.run("readelf", "-lW", "common")) ?? [];
  const { tls } = await inspect({ path: path("common.o"), mode: "precise" });
  expect(tls.modules[0]?.memoryBytes).toBe(Number(memoryBytes));
});

test("bitcode of clang in an archive is named", async () => {
  workshop.write("three.c", "int three(void) { return 3; }\n");
  workshop.run("clang", "-flto", "-c", "-o", "three.o", "three.c");
  workshop.run("ar", "rcs", "three.a", "three.o");
  for (const name of ["three.a", "three.o"]) {
    await expect(inspect({ path: path(name), mode: "precise" })).rejects.toMatchObject({
      code: "UKL-210",
      detail: { what: expect.stringContaining("three.o"), cause: expect.stringContaining("bitcode") },
    });
  }
});
