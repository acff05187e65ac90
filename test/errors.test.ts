// SPDX-License-Identifier: MIT
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  bug,
  type ErrorCode,
  errorCatalogue,
  formatError,
  formatErrorList,
  UklError,
} from "../src/errors.js";
import { packageFile } from "../src/host/places.js";

const codes = Object.keys(errorCatalogue) as readonly ErrorCode[];

/** All sources but the catalogue, without comments: those name ranges of codes too. */
const sources = readdirSync(packageFile("src"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && name !== "errors.ts")
  .map((name) => readFileSync(join(packageFile("src"), name), "utf8"))
  .map((text) => text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(?<!:)\/\/.*$/gm, ""))
  .join("\n");

describe("an error", () => {
  const error = new UklError("UKL-201", {
    what: "x.c cannot be read",
    cause: "ENOENT",
    fix: "check the path",
  });

  test("is three lines to a user: what, why, and the remedy", () => {
    expect(formatError(error)).toBe(
      "error[UKL-201]: x.c cannot be read\n  cause: ENOENT\n  fix: check the path\n",
    );
  });

  test("ends the program with the exit code of its catalogue entry", () => {
    expect(error.exit).toBe(65);
    expect(new UklError("UKL-101", error.detail).exit).toBe(64);
    expect(bug("an assumption", "it does not hold").exit).toBe(70);
  });

  test("tells a log its code, and keeps the error that it comes from", () => {
    const original = new Error("original");
    expect(error.message).toBe("UKL-201: x.c cannot be read");
    expect(new UklError("UKL-201", error.detail, { cause: original }).cause).toBe(original);
  });
});

describe("the catalogue", () => {
  test("has codes of the known ranges only, in their order", () => {
    for (const code of codes) expect(code).toMatch(/^UKL-[1-9]\d\d$/);
    expect([...codes].sort()).toEqual(codes);
  });

  test("exits as sysexits(3) and the design say", () => {
    const exits = new Set(Object.values(errorCatalogue).map(({ exit }) => exit));
    expect([...exits].sort()).toEqual([126, 127, 64, 65, 69, 70, 76, 78]);
    // Of a container's entrypoint, as Docker has them.
    expect([errorCatalogue["UKL-236"].exit, errorCatalogue["UKL-237"].exit]).toEqual([127, 126]);
    const ofInput = codes.filter((code) => /^UKL-2(?!3[67])/.test(code));
    expect(new Set(ofInput.map((code) => errorCatalogue[code].exit))).toEqual(new Set([65]));
  });

  test("says something else with each code", () => {
    const titles = Object.values(errorCatalogue).map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  test.each(codes)("has %s, which some source uses", (code) => {
    // bug() is the one way to UKL-901.
    expect(sources).toMatch(code === "UKL-901" ? /\bbug\(/ : new RegExp(`"${code}"`));
  });

  test("has every code that a source uses", () => {
    const used = [...sources.matchAll(/UKL-\d+/g)].map(([code]) => code);
    expect(used.length).toBeGreaterThan(codes.length);
    expect(used.filter((code) => !(code in errorCatalogue))).toEqual([]);
  });
});

test("docs/errors.md is the catalogue as it is now ('npm run docs')", () => {
  expect(readFileSync(packageFile("docs", "errors.md"), "utf8")).toBe(formatErrorList());
});

test("the list of errors has a row for each code, with its exit code", () => {
  const rows = [...formatErrorList().matchAll(/^\| (UKL-\d+) \| (.+) \| (\d+) \|$/gm)];
  expect(rows.map(([, code, title, exit]) => [code, { title, exit: Number(exit) }])).toEqual(
    Object.entries(errorCatalogue),
  );
});
