// SPDX-License-Identifier: MIT
/** An inspection is kept, and found again only as long as it would come out the same. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { inspectionCache } from "../../src/inspect/cache.js";
import { inspect } from "../../src/inspect/inspect.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

function makeProgram(name: string, body: string, ...flags: readonly string[]): string {
  workshop.write(
    `${name}.c`,
    `#include <dlfcn.h>\n#include <unistd.h>\nint main(int c, char **v) { ${body} }`,
  );
  workshop.run("gcc", "-O1", `${name}.c`, "-o", name, ...flags);
  return `${workshop.directory}/${name}`;
}

/** An empty cache; the name of its directory has to be new. */
function openCache(name: string) {
  const root = `${workshop.directory}/${name}`;
  const cache = inspectionCache(root);
  const run = (path: string) => inspect({ path, mode: "precise", cache });
  const entries = () =>
    readdirSync(join(root, "inspections")).map((entry) => join(root, "inspections", entry));
  return { run, entries };
}

const wasFound = ({ timingsMs }: { timingsMs: Record<string, number> }) => !("reach" in timingsMs);

describe("an inspection that was kept", () => {
  test("is found again, and is the same", async () => {
    const { run } = openCache("same");
    const path = makeProgram("same-program", "return c;");
    const first = await run(path);
    const second = await run(path);
    expect([wasFound(first), wasFound(second)]).toEqual([false, true]);
    expect({ ...second, timingsMs: {} }).toEqual({ ...first, timingsMs: {} });
  });

  test("is not taken for another program of the same path", async () => {
    const { run } = openCache("replaced");
    await run(makeProgram("replaced-program", "return c;"));
    const after = await run(makeProgram("replaced-program", "sync(); return c;"));
    expect(wasFound(after)).toBe(false);
    expect(after.syscalls.map(({ name }) => name)).toContain("sync");
  });

  test("is not taken when a library that it opens by name has changed", async () => {
    const { run } = openCache("opened");
    const library = `${workshop.directory}/libopened.so`;
    const build = (body: string) => {
      workshop.write("opened.c", `#include <unistd.h>\nvoid run(void) { ${body} }`);
      workshop.run("gcc", "-O1", "-shared", "-fPIC", "opened.c", "-o", library);
    };
    build("");
    const path = makeProgram("opens", `return dlopen("${library}", RTLD_NOW) == 0;`);
    await run(path);
    expect(wasFound(await run(path))).toBe(true);
    build("sync();");
    const after = await run(path);
    expect(wasFound(after)).toBe(false);
    expect(after.syscalls.map(({ name }) => name)).toContain("sync");
  });

  test.each([
    ["cut off", (text: string) => text.slice(0, 1000)],
    ["of another key", (text: string) => text.replace(/"key":"./, '"key":"x')],
    ["of another schema", (text: string) => text.replace('"schemaVersion":1', '"schemaVersion":7')],
  ])("is made anew when it is %s", async (_, damage) => {
    const { run, entries } = openCache(`damaged-${_.replaceAll(" ", "-")}`);
    const path = makeProgram("damaged-program", "return c;");
    const whole = await run(path);
    for (const entry of entries()) writeFileSync(entry, damage(readFileSync(entry, "utf8")));
    const again = await run(path);
    expect(wasFound(again)).toBe(false);
    expect(again.syscalls).toEqual(whole.syscalls);
  });

  test("costs nothing but time where nothing can be kept", async () => {
    const path = makeProgram("unkept", "return c;");
    workshop.write("a-file", "");
    const cache = inspectionCache(`${workshop.directory}/a-file`);
    const found = await inspect({ path, mode: "precise", cache });
    expect(found.syscalls.length).toBeGreaterThan(10);
  });
});

test("the libraries in a directory that code with computed names mentions are taken along", async () => {
  const directory = `${workshop.directory}/plugins`;
  workshop.run("mkdir", directory);
  workshop.write("plugin.c", "#include <unistd.h>\nvoid start(void) { sync(); }");
  workshop.run("gcc", "-O1", "-shared", "-fPIC", "plugin.c", "-o", `${directory}/mod_one.so`);
  const body = `char path[200]; __builtin_snprintf(path, 200, "%s/mod_%s.so", DIRECTORY, v[c - 1]);
    return dlopen(path, RTLD_NOW) == 0;`;
  const path = makeProgram("loads-plugins", body, `-DDIRECTORY="${directory}"`);
  const { libraries, syscalls } = await inspect({ path, mode: "precise" });
  expect(libraries.find(({ path: each }) => each.endsWith("mod_one.so"))?.reason).toBe("dlopen");
  expect(syscalls.find(({ name }) => name === "sync")?.layers).toEqual(["dlopen"]);
});
