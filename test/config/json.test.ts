// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfiguration } from "../../src/config/load.js";
import { load, refusal } from "./scratch.js";

describe("a JSON configuration", () => {
  test("gets the defaults of what it leaves out", async () => {
    const { configuration } = await load("ukl.config.json", '{ "inputs": ["/src/a.c"], "args": ["-v"] }');
    expect(configuration).toEqual({
      inputs: ["/src/a.c"],
      libraries: [],
      libraryPaths: [],
      compileFlags: [],
      linkFlags: [],
      args: ["-v"],
      env: {},
      pull: false,
      unpackLimit: "2G",
      mask: { calls: {} },
      mode: "unikernel",
      kernel: { options: {}, symbols: [] },
      files: { include: {} },
      bind: true,
      shortcuts: false,
      ring0: { programs: [] },
      run: { accelerator: "auto", ports: [], ulimits: {}, volumes: {}, disks: {} },
    });
  });

  test("has its host paths start at its own directory", async () => {
    const { configuration, directory } = await load(
      "ukl.config.json",
      `{
        "inputs": ["src/a.c", "/absolute/b.o"],
        "libraryPaths": ["lib"],
        "kernel": { "source": "../linux" },
        "files": { "include": { "/etc/motd": "files/motd" } }
      }`,
    );
    expect(configuration.inputs).toEqual([join(directory, "src/a.c"), "/absolute/b.o"]);
    expect(configuration.libraryPaths).toEqual([join(directory, "lib")]);
    expect(configuration.kernel.source).toBe(join(directory, "../linux"));
    expect(configuration.files.include).toEqual({ "/etc/motd": join(directory, "files/motd") });
  });

  test("has its program start at its own directory", async () => {
    const { configuration, directory } = await load("ukl.config.json", '{ "program": "bin/app" }');
    expect(configuration.program).toBe(join(directory, "bin/app"));
  });

  test("may have comments, trailing commas and a byte order mark", async () => {
    const { configuration } = await load("ukl.config.json", '\uFEFF{\n  // why\n  "program": "/app",\n}');
    expect(configuration.program).toBe("/app");
  });

  test("may name its JSON Schema for editors", async () => {
    const { configuration } = await load("ukl.config.json", '{ "$schema": "x.json", "program": "/app" }');
    expect(configuration.program).toBe("/app");
  });

  test("is refused at the character where its syntax breaks", async () => {
    const { code, cause, marked } = await refusal("ukl.config.json", '{\n  "args": ["a" ▸"b"]\n}');
    expect(code).toBe("UKL-111");
    expect(cause).toBe(`${marked}: ',' expected, found "`);
  });

  test("is refused at its end when it is cut off", async () => {
    const { code, cause, marked } = await refusal("ukl.config.json", '{\n  "program": "x",▸');
    expect(code).toBe("UKL-111");
    expect(cause).toBe(`${marked}: '}' expected, found the end of the file`);
  });

  test("is refused when it is nested deeper than the parser goes", async () => {
    const { code, cause } = await refusal("ukl.config.json", "[".repeat(200_000));
    expect(code).toBe("UKL-111");
    expect(cause).toContain("nested too deeply");
  });

  test("is refused at a misspelt name, with the name that was meant", async () => {
    const { code, cause, marked } = await refusal("ukl.config.json", '{\n  ▸"inptus": ["a.c"]\n}');
    expect(code).toBe("UKL-112");
    expect(cause).toBe(`${marked}: expected a known name, found "inptus"; did you mean "inputs"?`);
  });

  test("is refused at a misspelt name inside a member", async () => {
    const { cause, marked } = await refusal(
      "ukl.config.json",
      '{ "program": "x",\n  "run": { "cpus": 1, ▸"timeout_seconds": 3 } }',
    );
    expect(cause).toBe(
      `${marked}: run: expected a known name, found "timeout_seconds"; did you mean "timeoutSeconds"?`,
    );
  });

  test("is refused at a name like no other, with the names there are", async () => {
    const { cause, marked } = await refusal(
      "ukl.config.json",
      '{ "program": "x", "ring0": { ▸"colour": 1 } }',
    );
    expect(cause).toBe(`${marked}: ring0: expected one of programs, found "colour"`);
  });

  test("is refused when it has both inputs and a program", async () => {
    const { code, cause, marked } = await refusal(
      "ukl.config.json",
      '{\n  "inputs": ["a.c"],\n  "program": ▸"x"\n}',
    );
    expect(code).toBe("UKL-112");
    expect(cause).toBe(
      `${marked}: program: expected one of inputs, program, package and image, found several`,
    );
  });

  test("may leave the target to the command line", async () => {
    const { configuration } = await load("ukl.config.json", '{ "args": ["-v"] }');
    expect(configuration.args).toEqual(["-v"]);
    expect([configuration.inputs, configuration.program]).toEqual([undefined, undefined]);
  });

  test("is refused when its name has another ending", async () => {
    const { code } = await refusal("ukl.config.toml", "");
    expect(code).toBe("UKL-110");
  });

  test("is refused when it does not exist", async () => {
    await expect(loadConfiguration("/nonexistent/ukl.config.json")).rejects.toMatchObject({
      code: "UKL-110",
    });
  });

  test("is refused when it is not text", async () => {
    await expect(load("ukl.config.json", Uint8Array.of(0x7b, 0xff, 0x7d))).rejects.toMatchObject({
      code: "UKL-110",
      detail: { cause: "it is not UTF-8 text" },
    });
  });
});

describe("a value that is not allowed is refused where it stands", () => {
  const cases: [what: string, content: string, cause: string][] = [
    [
      "memory in words",
      '{ "program": "x", "run": { "memory": ▸"12Q" } }',
      'run.memory: expected a size such as "128M" or "1G", found "12Q"',
    ],
    [
      "memory as a number",
      '{ "program": "x", "run": { "memory": ▸128 } }',
      'run.memory: expected a size such as "128M" or "1G", found 128',
    ],
    [
      "no memory",
      '{ "program": "x", "run": { "memory": ▸"0M" } }',
      'run.memory: expected a size such as "128M" or "1G", found "0M"',
    ],
    [
      "no CPU",
      '{ "program": "x", "run": { "cpus": ▸0 } }',
      "run.cpus: expected a whole number from 1 to 64, found 0",
    ],
    [
      "too many CPUs",
      '{ "program": "x", "run": { "cpus": ▸65 } }',
      "run.cpus: expected a whole number from 1 to 64, found 65",
    ],
    [
      "half a CPU",
      '{ "program": "x", "run": { "cpus": ▸1.5 } }',
      "run.cpus: expected a whole number from 1 to 64, found 1.5",
    ],
    [
      "a negative timeout",
      '{ "program": "x", "run": { "timeoutSeconds": ▸-1 } }',
      "run.timeoutSeconds: expected a positive number of seconds, at most 2147483, found -1",
    ],
    [
      "a misspelt mode",
      '{ "program": "x", "mode": ▸"unikernle" }',
      'mode: expected "unikernel" or "classic", found "unikernle"; did you mean "unikernel"?',
    ],
    [
      "an input of an unknown kind",
      '{ "inputs": ["a.c",\n ▸"b.d"] }',
      'inputs[1]: expected a path that ends in .c, .cc, .cpp, .cxx, .S, .s, .o or .a, found "b.d"',
    ],
    ["no input at all", '{ "inputs": ▸[] }', "inputs: expected at least one input, found []"],
    [
      "a string for a list",
      '{ "program": "x", "args": ▸"-v" }',
      'args: expected a list of strings, found "-v"',
    ],
    [
      "a name with a slash",
      '{ "program": "x", "name": ▸"a/b" }',
      "name: expected a name of at most 128 letters, digits, '.', '_', '+' and '-', not starting with '.', '+' or '-', found \"a/b\"",
    ],
    [
      "a library given as a flag",
      '{ "program": "x", "libraries": [▸"-lm"] }',
      'libraries[0]: expected a library name such as "m", found "-lm"',
    ],
    [
      "a variable that is a number",
      '{ "program": "x", "env": { "A": ▸1 } }',
      "env.A: expected a string, found 1",
    ],
    [
      "a variable's name with an equals sign",
      '{ "program": "x", "env": { ▸"A=B": "" } }',
      'env: expected the name of an environment variable, found "A=B"',
    ],
    [
      "a NUL in an argument",
      '{ "program": "x", "args": [▸"a\\u0000b"] }',
      'args[0]: expected a string without a NUL character, found "a\\u0000b"',
    ],
    [
      "an option without its prefix",
      '{ "program": "x", "kernel": { "options": { ▸"SMP": "y" } } }',
      'kernel.options: expected an option name such as CONFIG_PROC_FS, found "SMP"',
    ],
    [
      "an option that is a truth value",
      '{ "program": "x", "kernel": { "options": { "CONFIG_SMP": ▸true } } }',
      'kernel.options.CONFIG_SMP: expected a one-line string such as "y" or "n", or a whole number, found true',
    ],
    [
      "an option that spans lines",
      '{ "program": "x", "kernel": { "options": { "CONFIG_SMP": ▸"y\\nCONFIG_PCI=y" } } }',
      'kernel.options.CONFIG_SMP: expected a one-line string such as "y" or "n", or a whole number, found "y\\nCONFIG_PCI=y"',
    ],
    [
      "a symbol that is none",
      '{ "program": "x", "kernel": { "symbols": [▸"a b"] } }',
      'kernel.symbols[0]: expected the name of a kernel symbol, found "a b"',
    ],
    [
      "a relative guest path",
      '{ "program": "x", "files": { "include": { ▸"etc/x": "y" } } }',
      'files.include: expected an absolute guest path without . or .. components, found "etc/x"',
    ],
    [
      "a guest path that climbs",
      '{ "program": "x", "ring0": { "programs": [▸"/bin/../x"] } }',
      'ring0.programs[0]: expected an absolute guest path without . or .. components, found "/bin/../x"',
    ],
    ["a list for the whole", "▸[]", "expected an object, found []"],
  ];

  test.each(cases)("%s", async (_, content, expected) => {
    const { code, cause, marked } = await refusal("ukl.config.json", content);
    expect(code).toBe("UKL-112");
    expect(cause).toBe(`${marked}: ${expected}`);
  });
});
