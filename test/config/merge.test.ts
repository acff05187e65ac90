// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { mergeFlags } from "../../src/config/merge.js";
import { configurationSchema } from "../../src/config/schema.js";

const file = configurationSchema.parse({
  inputs: ["/src/a.c"],
  libraries: ["m"],
  libraryPaths: ["/lib/file"],
  compileFlags: ["-O1"],
  args: ["from", "file"],
  env: { A: "file", B: "file" },
  mode: "classic",
  kernel: { source: "/linux", options: { CONFIG_A: "y", CONFIG_B: "y" } },
  run: { memory: "128M", cpus: 2, volumes: { "/a": { host: "/file/a" }, "/b": { host: "/file/b" } } },
});

test("without flags the file's configuration stays as it is", () => {
  expect(mergeFlags(file, {})).toEqual(file);
});

test("without a file the flags and the defaults are the configuration", () => {
  const merged = mergeFlags(undefined, { program: "app" });
  expect(merged).toEqual(configurationSchema.parse({ program: "app" }));
});

test("a flag replaces a single value of the file", () => {
  const merged = mergeFlags(file, { mode: "unikernel", run: { memory: "1G" }, kernel: { source: "/other" } });
  expect(merged.mode).toBe("unikernel");
  expect(merged.run).toEqual({ ...file.run, memory: "1G" });
  expect(merged.kernel.source).toBe("/other");
});

test("a flag that is undefined leaves the file's value", () => {
  const merged = mergeFlags(file, { mode: undefined, args: undefined, run: { memory: undefined } });
  expect(merged).toEqual(file);
});

test("arguments replace those of the file", () => {
  expect(mergeFlags(file, { args: ["flag"] }).args).toEqual(["flag"]);
});

test("a program on the command line takes the place of the file's inputs", () => {
  const merged = mergeFlags(file, { program: "/app" });
  expect(merged.program).toBe("/app");
  expect(merged.inputs).toBeUndefined();
});

test("environment and kernel options are joined by name, and the flag's value wins", () => {
  const merged = mergeFlags(file, { env: { B: "flag", C: "flag" }, kernel: { options: { CONFIG_B: "n" } } });
  expect(merged.env).toEqual({ A: "file", B: "flag", C: "flag" });
  expect(merged.kernel.options).toEqual({ CONFIG_A: "y", CONFIG_B: "n" });
});

test("volumes and disks are joined by their place in the guest, and the flag's value wins", () => {
  const volumes = { "/b": { host: "/flag/b", readOnly: true } };
  const { run } = mergeFlags(file, { run: { volumes, disks: { "/c": { file: "/flag/c" } } } });
  expect(run.volumes).toEqual({
    "/a": { host: "/file/a", readOnly: false },
    "/b": { host: "/flag/b", readOnly: true },
  });
  expect(run.disks).toEqual({ "/c": { file: "/flag/c" } });
});

test("lists are joined in the order in which the flag's part wins", () => {
  const merged = mergeFlags(file, { libraries: ["z"], libraryPaths: ["/lib/flag"], compileFlags: ["-O2"] });
  expect(merged.libraries).toEqual(["m", "z"]);
  expect(merged.libraryPaths).toEqual(["/lib/flag", "/lib/file"]);
  expect(merged.compileFlags).toEqual(["-O1", "-O2"]);
});

test("merging changes neither of its arguments", () => {
  const before = structuredClone(file);
  const flags = { env: { B: "flag" }, libraries: ["z"], run: { cpus: 4 } };
  mergeFlags(file, flags);
  expect(file).toEqual(before);
  expect(flags).toEqual({ env: { B: "flag" }, libraries: ["z"], run: { cpus: 4 } });
});

test("a flag's value that is not allowed is a mistake of the command line", () => {
  expect(() => mergeFlags(file, { run: { memory: "12Q" } })).toThrow(
    expect.objectContaining({
      code: "UKL-101",
      detail: expect.objectContaining({
        cause: 'run.memory: expected a size such as "128M" or "1G", found "12Q"',
      }),
    }),
  );
});

test("inputs and a program at once are a mistake of the command line", () => {
  expect(() => mergeFlags(undefined, { inputs: ["a.c"], program: "app" })).toThrow(
    expect.objectContaining({ code: "UKL-101" }),
  );
});
