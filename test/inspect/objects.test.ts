// SPDX-License-Identifier: MIT
/**
 * Objects and archives. The reference is the host's linker: what it makes of the same object, inspected and run
 * under strace, which members it takes from archives, and what objdump disassembles of them.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { UklError } from "../../src/errors.js";
import { inspect } from "../../src/inspect/inspect.js";
import type { LinkOptions } from "../../src/inspect/objects/objects.js";
import type { Inspection } from "../../src/inspect/schema.js";
import { openWorkshop } from "../elf/toolchain.js";
import { loadFixtures } from "../support/fixtures.js";
import { testLimit } from "../support/patience.js";
import { randomFrom } from "../support/random.js";
import { seenByStrace, sitesInDisassembly } from "./ground-truth.js";

const workshop = openWorkshop();
const path = (name: string) => join(workshop.directory, name);
const precise = (name: string, link?: LinkOptions) =>
  inspect({ path: path(name), mode: "precise", ...(link === undefined ? {} : { link }) });
const namesOf = ({ syscalls }: Inspection) => syscalls.map(({ name }) => name).sort();

const layersOf = ({ syscalls }: Inspection) =>
  syscalls.flatMap(({ name, layers }) => layers.map((layer) => `${name} in ${layer}`));

/** The sources beside this test, as objects. */
function compile(...names: readonly string[]): void {
  for (const name of names) {
    const source = fileURLToPath(new URL(`objects/${name}.c`, import.meta.url));
    workshop.run("gcc", "-O2", "-fcommon", "-c", source, "-o", `${name}.o`);
  }
}

/** `libc.a(write.o)` for each member that a linker's map names as taken. */
function membersInMap(map: string): readonly string[] {
  const text = workshop.read(map).toString();
  const taken = text.slice(0, text.search(/^(?:Discarded input sections|Memory Configuration)/m));
  return [...taken.matchAll(/^(\S+\.a)\((\S+)\)/gm)].map(([, archive = "", member]) => {
    return `${basename(archive)}(${member})`;
  });
}

function membersOf({ libraries }: Inspection): readonly string[] {
  return libraries.flatMap(({ path: archive, members = [] }) =>
    members.map((member) => `${basename(archive)}(${member})`),
  );
}

describe.each([
  "hello",
  "musl-hello",
  "ifunc-strings",
  "stdio-atexit",
  "cxx-exceptions",
  "tls-cxx",
  "tls-models-global-dynamic",
  "tls-models-local-dynamic",
  "sqlite",
])("the object of the fixture %s", (name) => {
  const fixture = loadFixtures().find((each) => each.name === name);
  if (fixture === undefined || !("inputs" in fixture.source)) throw new Error(`no fixture ${name}`);
  const { compiler, compileFlags, libraries } = fixture;
  const { inputs } = fixture.source;
  const isCxx = inputs.some((input) => input.endsWith(".cc"));
  const driver = isCxx ? "g++" : compiler;
  const link = { libraries, ...(compiler === "gcc" ? {} : { compiler }) };
  let found: Inspection;

  beforeAll(async () => {
    const objects = inputs.map((input, index) => {
      workshop.run(driver, "-O2", "-w", ...compileFlags, "-c", input, "-o", `${name}-${index}.o`);
      return `${name}-${index}.o`;
    });
    workshop.run("ld", "-r", ...objects, "-o", `${name}.o`);
    const flags = ["-static", ...libraries.map((library) => `-l${library}`), `-Wl,-Map=${name}.map`];
    workshop.run(driver, `${name}.o`, ...flags, "-o", name);
    found = await precise(`${name}.o`, link);
  });

  test("makes the calls that the program linked of it makes", async () => {
    const linked = await precise(name);
    expect(namesOf(found)).toEqual(namesOf(linked));
    // In the program any number that is an address may be one, so that a call may seem possible in a layer more.
    expect(layersOf(linked)).toEqual(expect.arrayContaining(layersOf(found)));
    expect(found.complete).toBe(true);
    expect(found.undefinedSymbols).toEqual([]);
    const seen = seenByStrace(workshop, path(name), ...(fixture.runs[0]?.args ?? []));
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.filter((call) => !namesOf(found).includes(call))).toEqual([]);
  });

  test("has from archives what the linker takes", () => {
    const taken = membersInMap(`${name}.map`);
    expect(taken.length).toBeGreaterThan(5);
    expect([...membersOf(found)].sort()).toEqual([...taken].sort());
  });

  test("has every system call instruction of the members counted once", () => {
    const files = found.libraries.flatMap(({ path: archive, members = [] }) => {
      const directory = `${name}-${basename(archive)}`;
      mkdirSync(path(directory));
      if (members.length > 0) workshop.run("ar", "x", "--output", directory, archive, ...members);
      return members.map((member) => path(`${directory}/${member}`));
    });
    expect(found.sites.total).toBe(sitesInDisassembly(path(`${name}.o`), ...files));
  });
});

describe("a program that asks much of a linker", () => {
  const link = { libraries: ["parts"], libraryPaths: [workshop.directory] };
  const made = {
    "through a constructor": "getsid",
    "through a destructor": "sched_yield",
    "in the strong definition, not the weak one": "setpriority",
    "in a member that a member wants": "sync",
    "through a tentative definition": "alarm",
    "through the first of a set": "getuid",
    "through one of a set that has a name too": "geteuid",
    "through the last of a set": "getgid",
    "in what may be chosen at start": "getegid",
    "in what is chosen at start": "getppid",
    "at a distance": "setsid",
    "in a group that two objects have": "gettid",
  };

  let found: Inspection;

  beforeAll(async () => {
    compile("program", "member", "second-member", "unwanted-member");
    workshop.run("ar", "rcs", "libparts.a", "second-member.o", "unwanted-member.o", "member.o");
    workshop.run("gcc", "-static", "program.o", "-L.", "-lparts", "-o", "program");
    found = await precise("program.o", link);
  });

  test.each(Object.entries(made))("makes the call %s", (_, call) => {
    expect(namesOf(found)).toContain(call);
  });

  test("does not make those of what is overridden, or wanted only weakly", () => {
    const calls = namesOf(found);
    expect(calls).not.toContain("getpgrp");
    expect(calls).not.toContain("acct");
  });

  test("has each system call instruction of the linked program once", () => {
    expect(found.sites.total).toBe(sitesInDisassembly(path("program")));
  });

  test("makes every call that strace sees", () => {
    const calls = namesOf(found);
    const seen = seenByStrace(workshop, path("program"));
    expect(seen.filter((name) => !calls.includes(name))).toEqual([]);
  });

  test("is described with what it takes, from where, and for whom", () => {
    const { target, libraries } = found;
    expect(target).toMatchObject({ kind: "object", pie: false });
    expect(target.interp).toBeUndefined();
    const parts = libraries.find((library) => library.path === path("libparts.a"));
    expect(parts?.members).toEqual(["member.o", "second-member.o"]);
    expect(parts?.boundSymbols).toEqual([{ name: "from_archive", users: ["program.o"] }]);
  });

  test("has evidence at an instruction of a member", () => {
    const { syscalls } = found;
    const [evidence] = syscalls.find(({ name }) => name === "getppid")?.evidence ?? [];
    expect(evidence).toMatchObject({
      library: "libc.a(getppid.o)",
      symbol: expect.stringMatching(/getppid$/),
    });
    expect(evidence?.chain).toContain("program.o:fast");
    workshop.run("ar", "x", workshop.run("gcc", "-print-file-name=libc.a").trim(), "getppid.o");
    const code = workshop.run("objdump", "-d", "--no-show-raw-insn", "getppid.o");
    expect(code).toMatch(new RegExp(`^ +${evidence?.offset.slice(2)}:\\tsyscall`, "m"));
  });

  test("without its archive has symbols that are undefined, and is not complete", async () => {
    const { undefinedSymbols, complete, verdicts } = await precise("program.o");
    expect(undefinedSymbols).toEqual([{ name: "from_archive", neededBy: "program.o" }]);
    expect(complete).toBe(false);
    expect(verdicts.classic.outcome).toBe("will not work");
  });

  test("is the same in a directory with a space and a quote, with an archive by its file name", async () => {
    mkdirSync(path('a "strange" place'));
    copyFileSync(path("program.o"), path('a "strange" place/program.o'));
    const { syscalls, undefinedSymbols } = await precise('a "strange" place/program.o', {
      ...link,
      libraries: [":libparts.a", "m", "m"],
    });
    expect(syscalls.map(({ name }) => name)).toEqual(found.syscalls.map(({ name }) => name));
    expect(undefinedSymbols).toEqual([]);
  });

  test("with a library that is nowhere says so", async () => {
    const { missingLibraries } = await precise("program.o", { ...link, libraries: ["parts", "nowhere"] });
    expect(missingLibraries).toEqual([{ name: "libnowhere.a", neededBy: "program.o" }]);
  });
});

describe("functions without a main", () => {
  // 162 is sync in asm/unistd_64.h.
  const calls = ["getegid", "getpgrp", "getppid", "getsid", "getuid", "socket", "sync"];

  beforeAll(() => {
    compile("library", "unwanted-member");
    workshop.run("ar", "rcs", "library.a", "library.o", "unwanted-member.o");
    mkdirSync(path("elsewhere"));
    workshop.run("ar", "rcsT", "elsewhere/thin.a", "library.o", "unwanted-member.o");
  });

  test("of an object can all be called", async () => {
    const found = await precise("library.o");
    expect(namesOf(found)).toEqual(calls);
    expect(found.undefinedSymbols).toEqual([{ name: "nobody", neededBy: "library.o" }]);
    expect(found.syscalls.every(({ layers }) => layers.includes("main"))).toBe(true);
  });

  test.each(["library.a", "elsewhere/thin.a"])(
    "of all members of an archive can be called: %s",
    async (file) => {
      const found = await precise(file);
      expect(namesOf(found)).toEqual([...calls, "acct"].sort());
      expect(found.target.kind).toBe("archive");
      expect(found.undefinedSymbols.map(({ name }) => name)).toEqual(["nobody"]);
    },
  );

  test("need nothing of what starts a program, and get nothing of it", async () => {
    workshop.write("say.c", '#include <stdio.h>\nint say(void) { return puts("said"); }');
    workshop.run("gcc", "-O2", "-c", "say.c");
    const { undefinedSymbols, complete } = await precise("say.o");
    expect(undefinedSymbols).toEqual([]);
    expect(complete).toBe(true);
    const flags = ["-static", "-nostartfiles", "-Wl,-e,chosen", "-Wl,--unresolved-symbols=ignore-all"];
    workshop.run("gcc", ...flags, "library.o", "-Wl,-Map=library.map", "-o", "library");
    const taken = membersInMap("library.map");
    expect(taken.length).toBeGreaterThan(3);
    expect([...membersOf(await precise("library.o"))].sort()).toEqual([...taken].sort());
  });

  test("of a thin archive whose files are gone cannot be read: UKL-201", async () => {
    copyFileSync(path("elsewhere/thin.a"), path("gone.a"));
    await expect(precise("gone.a")).rejects.toMatchObject({ code: "UKL-201" });
  });
});

test("an object without a C library starts where it says", async () => {
  const source = ".globl _start\n_start: mov $231, %eax\n mov $7, %edi\n syscall\n hlt\n";
  workshop.assemble("bare", source);
  // 231 is exit_group in asm/unistd_64.h.
  expect(namesOf(await precise("bare.o"))).toEqual(["exit_group"]);
});

test("an object that only the linker compiles is refused: UKL-210", async () => {
  workshop.write("late.c", "int main(void) { return 0; }");
  workshop.run("gcc", "-O2", "-flto", "-c", "late.c");
  await expect(precise("late.o")).rejects.toMatchObject({ code: "UKL-210" });
});

test("a compiler that is none is UKL-404, one that is not there UKL-401", async () => {
  compile("library");
  await expect(precise("library.o", { compiler: "true" })).rejects.toMatchObject({ code: "UKL-404" });
  await expect(precise("library.o", { compiler: "no-such-cc" })).rejects.toMatchObject({ code: "UKL-401" });
});

test("150 damaged objects and archives end in a report or in an error with a code", {
  timeout: testLimit(240_000),
}, async () => {
  compile("library", "unwanted-member");
  workshop.run("ar", "rcs", "whole.a", "library.o", "unwanted-member.o");
  const random = randomFrom(2718);
  const outcomes = { reports: 0, errors: 0 };
  for (let round = 0; round < 150; round++) {
    const damaged = Buffer.from(workshop.read(round % 3 === 0 ? "whole.a" : "library.o"));
    for (let flip = 0; flip < 1 + (round % 8); flip++) {
      // Headers and tables of relocations and symbols are at the end.
      const at = round % 2 === 0 ? random(damaged.length) : damaged.length - 1 - random(damaged.length >> 1);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << random(8));
    }
    workshop.write("damaged", damaged);
    const outcome = await precise("damaged").catch((error: unknown) => error);
    if (!(outcome instanceof Error)) outcomes.reports++;
    else if (outcome instanceof UklError) outcomes.errors++;
    else throw outcome;
  }
  expect(outcomes.reports).toBeGreaterThan(20);
  expect(outcomes.errors).toBeGreaterThan(20);
});
