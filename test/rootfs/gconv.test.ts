// SPDX-License-Identifier: MIT
/** The host's glibc says which module converts what: the reference is what iconv(1) opens. */
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { hostView } from "../../src/host/file-view.js";
import { conversionsFor } from "../../src/rootfs/gconv.js";

const directory = "/usr/lib/x86_64-linux-gnu/gconv/";
const textOf = (...names: string[]) => [Buffer.from(`\0${names.join("\0")}\0`)];

/** The modules that iconv(1) loads for a character set. */
function openedHere(name: string): readonly string[] {
  const traced = spawnSync("strace", ["-e", "trace=openat", "iconv", "-f", "UTF-8", "-t", name], {
    input: "a",
    encoding: "utf8",
  });
  const opened = traced.stderr.matchAll(/"([^"]*\/gconv\/(?!lib)[^"]*\.so)", [^)]*\) = \d/g);
  return [...new Set([...opened].map(([, path]) => path ?? ""))].sort();
}

describe("a character set in a program's text", () => {
  test.each(["SHIFT_JIS", "latin1", "KOI8-R", "BIG5", "EUC-KR"])("%s brings its module", async (name) => {
    const { modules, tables } = await conversionsFor(hostView, directory, textOf("other text", name));
    expect(openedHere(name)).not.toEqual([]);
    expect(modules).toEqual(expect.arrayContaining([...openedHere(name)]));
    expect(modules.length).toBeLessThan(4);
    expect(tables).toContain("/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache");
  });

  test.each([["UTF-8"], ["INTERNAL"], ["no-such-set"], ["xSHIFT_JIS"]])("%s brings nothing", async (name) => {
    expect(await conversionsFor(hostView, directory, textOf(name))).toEqual({ modules: [], tables: [] });
  });

  test("brings nothing where there are no modules", async () => {
    expect((await conversionsFor(hostView, "/nowhere/", textOf("SHIFT_JIS"))).modules).toEqual([]);
  });
});
