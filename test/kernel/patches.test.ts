// SPDX-License-Identifier: MIT
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { UklError } from "../../src/errors.js";
import { packageFile } from "../../src/host/places.js";
import { applyPatches, listPatches, type Patch } from "../../src/kernel/patches.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
const path = (name: string) => join(workshop.directory, name);
const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}\n`).join("");
const original = lines(1, 60);
let count = 0;
let tree: string;

/** A tree of two files, and a directory for patches beside it. */
beforeEach(() => {
  count += 1;
  tree = `tree-${count}`;
  mkdirSync(path(`${tree}/kernel`), { recursive: true });
  mkdirSync(path(`${tree}-patches`));
  for (const name of ["fork.c", "exit.c"]) workshop.write(`${tree}/kernel/${name}`, original);
});

/** Writes a patch that changes or makes files, made by diff with `context` lines of context. */
function patch(name: string, changes: Readonly<Record<string, string>>, context = 3): void {
  workshop.run("rm", "-rf", "a", "b");
  let text = `From: nobody\nSubject: ${name}\n\nWhy.\n---\n`;
  for (const [file, changed] of Object.entries(changes)) {
    for (const [side, content] of [
      ["a", original],
      ["b", changed],
    ] as const) {
      mkdirSync(path(`${side}/kernel`), { recursive: true });
      workshop.write(`${side}/kernel/${file}`, content);
    }
    const files = [`a/kernel/${file}`, `b/kernel/${file}`];
    text += workshop.run("sh", "-c", `diff -U${context} "$0" "$1" || true`, ...files);
  }
  workshop.write(`${tree}-patches/${name}`, text);
}

const series = (): Promise<readonly Patch[]> => listPatches(path(`${tree}-patches`));
const read = (file: string) => readFileSync(path(`${tree}/kernel/${file}`), "utf8");
const changedAt = (line: number) => original.replace(`line ${line}\n`, `changed ${line}\n`);

async function refusal(): Promise<UklError> {
  const error = await applyPatches(await series(), path(tree)).catch((reason: unknown) => reason);
  if (!(error instanceof UklError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

describe("a series", () => {
  test("is the numbered patches in their order, and nothing else", async () => {
    for (const name of ["0010-c.patch", "0002-b.patch", "0001-a.patch", "0003-d.patch.orig", "README"]) {
      workshop.write(`${tree}-patches/${name}`, name);
    }
    const names = (await series()).map((found) => basename(found.path));
    expect(names).toEqual(["0001-a.patch", "0002-b.patch", "0010-c.patch"]);
  });

  test("has a digest for each patch, of what it changes and not of its message", async () => {
    const digest = async () => (await series())[0]?.digest;
    patch("0001-a.patch", { "fork.c": changedAt(10) });
    const first = await digest();
    const text = readFileSync(path(`${tree}-patches/0001-a.patch`), "utf8");
    workshop.write(`${tree}-patches/0001-a.patch`, text.replace("Why.", "For another reason."));
    expect(await digest()).toBe(first);
    patch("0001-a.patch", { "fork.c": changedAt(20) });
    expect(await digest()).not.toBe(first);
  });

  test("applies in its order", async () => {
    patch("0001-first.patch", { "fork.c": changedAt(10), "exit.c": changedAt(20) });
    patch("0002-second.patch", { "fork.c": changedAt(50) });
    await applyPatches(await series(), path(tree));
    expect(read("fork.c")).toBe(changedAt(10).replace("line 50\n", "changed 50\n"));
    expect(read("exit.c")).toBe(changedAt(20));
  });

  test("applies where lines moved, and leaves no other files", async () => {
    workshop.write(`${tree}/kernel/fork.c`, `new first line\n${original}`);
    patch("0001-moved.patch", { "fork.c": changedAt(30) });
    await applyPatches(await series(), path(tree));
    expect(read("fork.c")).toBe(`new first line\n${changedAt(30)}`);
    expect(readdirSync(path(`${tree}/kernel`)).sort()).toEqual(["exit.c", "fork.c"]);
  });

  test("of this project is numbered, each patch otherwise, and has no other file", async () => {
    const names = (await listPatches()).map((found) => basename(found.path));
    expect(names.length).toBe(readdirSync(packageFile("kernel", "patches")).length);
    expect(new Set(names.map((name) => name.slice(0, 4))).size).toBe(names.length);
  });
});

describe("UKL-303 names the patch and the file", () => {
  test("whose lines are others, however long the patch is", async () => {
    workshop.write(`${tree}/kernel/fork.c`, original.replace("line 21\n", "someone else's\n"));
    patch("0001-fine.patch", { "exit.c": changedAt(1) });
    // With 30 lines of context the rejected hunk is longer than what is shown of an output.
    patch("0002-broken.patch", { "fork.c": changedAt(30), "exit.c": changedAt(50) }, 30);
    const { code, detail } = await refusal();
    expect(code).toBe("UKL-303");
    expect(detail.what).toBe("0002-broken.patch does not apply to this kernel source");
    expect(detail.cause.split("\n")[0]).toMatch(/^kernel\/fork\.c: Hunk #1 FAILED at \d+/);
  });

  test("that is nearly, but not exactly, as expected", async () => {
    // Two lines from the change: patch would apply it with fuzz.
    workshop.write(`${tree}/kernel/fork.c`, original.replace("line 27\n", "someone else's\n"));
    patch("0001-fuzzy.patch", { "fork.c": changedAt(30) });
    expect((await refusal()).detail.cause).toContain("kernel/fork.c");
    expect(read("fork.c")).not.toContain("changed 30");
  });

  test("that does not exist", async () => {
    workshop.run("rm", path(`${tree}/kernel/fork.c`));
    patch("0001-gone.patch", { "fork.c": changedAt(30) });
    expect((await refusal()).detail).toMatchObject({
      what: expect.stringContaining("0001-gone.patch"),
      cause: expect.stringMatching(/^kernel\/fork\.c: /),
    });
  });

  test("that has the change already", async () => {
    workshop.write(`${tree}/kernel/fork.c`, changedAt(30));
    patch("0001-applied.patch", { "fork.c": changedAt(30) });
    expect((await refusal()).detail.cause).toMatch(/^kernel\/fork\.c: .*previously applied/);
    expect(read("fork.c")).toBe(changedAt(30));
  });

  test("and leaves the files of the other patches as they were", async () => {
    workshop.write(`${tree}/kernel/fork.c`, "short\n");
    patch("0001-broken.patch", { "fork.c": changedAt(30) });
    patch("0002-later.patch", { "exit.c": changedAt(30) });
    expect((await refusal()).detail.what).toContain("0001-broken.patch");
    expect(read("fork.c")).toBe("short\n");
    expect(read("exit.c")).toBe(original);
    expect(readdirSync(path(`${tree}/kernel`)).sort()).toEqual(["exit.c", "fork.c"]);
  });
});

test("something that is no patch is UKL-303 with what patch(1) said", async () => {
  workshop.write(`${tree}-patches/0001-text.patch`, "no patch\n");
  const { code, detail } = await refusal();
  expect(code).toBe("UKL-303");
  expect(detail.cause).not.toBe("");
});
