// SPDX-License-Identifier: MIT
/** The library cache, held against what ldconfig writes and prints. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseLdCache } from "../../src/inspect/ld-cache.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
const at = (name: string) => join(workshop.directory, name);
const systemCache = "/etc/ld.so.cache";

/** The x86-64 libraries of `ldconfig -p`; of several of one name the first, and those of hwcaps last. */
function listed(...options: string[]): Map<string, string> {
  const rows = workshop
    .run("/sbin/ldconfig", ...options, "-p")
    .split("\n")
    .flatMap((line) => {
      const [, name = "", kinds = "", path = ""] = /^\t(\S+) \((.*)\) => (.*)$/.exec(line) ?? [];
      return name !== "" && kinds.startsWith("libc6,x86-64") ? [{ name, kinds, path }] : [];
    });
  const paths = new Map<string, string>();
  const isSpecial = (kinds: string) => kinds.includes("hwcap");
  for (const special of [false, true]) {
    for (const { name, kinds, path } of rows) {
      if (isSpecial(kinds) === special && !paths.has(name)) paths.set(name, path);
    }
  }
  expect(paths.size).toBeGreaterThan(0);
  return paths;
}

const sorted = (paths: ReadonlyMap<string, string>) => [...paths].sort();

describe("parseLdCache", () => {
  test("reads what ldconfig lists", () => {
    expect(sorted(parseLdCache(readFileSync(systemCache)))).toEqual(sorted(listed()));
  });

  test("takes a library of glibc-hwcaps only where there is no other", () => {
    workshop.run("mkdir", "-p", "lib/glibc-hwcaps/x86-64-v2");
    workshop.write("one.c", "int one(void) { return 1; }");
    for (const path of [
      "lib/libboth",
      "lib/glibc-hwcaps/x86-64-v2/libboth",
      "lib/glibc-hwcaps/x86-64-v2/libonly",
    ]) {
      const soname = `${path.split("/").at(-1)}.so.1`;
      workshop.run("gcc", "-shared", "-o", `${path}.so.1`, "one.c", `-Wl,-soname,${soname}`);
    }
    workshop.write("conf", `${at("lib")}\n`);
    workshop.run("/sbin/ldconfig", "-X", "-f", "conf", "-C", "cache");
    const paths = parseLdCache(workshop.read("cache"));
    expect(paths.get("libboth.so.1")).toBe(at("lib/libboth.so.1"));
    expect(paths.get("libonly.so.1")).toBe(at("lib/glibc-hwcaps/x86-64-v2/libonly.so.1"));
    expect(sorted(paths)).toEqual(sorted(listed("-C", "cache")));
  });

  test("finds the format behind the older one", () => {
    // The system's own cache may be older than its libraries: development packages do not make it anew.
    workshop.run("/sbin/ldconfig", "-X", "-C", "current");
    const expected = sorted(listed("-C", "current"));
    workshop.run("/sbin/ldconfig", "-X", "-c", "compat", "-C", "compatible");
    const bytes = workshop.read("compatible");
    expect(bytes.toString("latin1", 0, 11)).toBe("ld.so-1.7.0");
    expect(sorted(parseLdCache(bytes))).toEqual(expected);
  });

  test("is not led astray by damage", () => {
    const sound = readFileSync(systemCache);
    for (let size = 0; size < 400; size++) expect(parseLdCache(sound.subarray(0, size)).size).toBe(0);
    const known = parseLdCache(sound);
    const cut = parseLdCache(sound.subarray(0, sound.length - 1000));
    expect(cut.size).toBeGreaterThan(0);
    for (const [name, path] of cut) expect(known.get(name)).toBe(path);
    for (let at = 0; at < 500; at++) {
      const bytes = Buffer.from(sound);
      bytes.writeUInt32LE(0xffffffff - at, Math.min(at * 4, bytes.length - 4));
      expect(() => parseLdCache(bytes)).not.toThrow();
    }
  });
});
