// SPDX-License-Identifier: MIT
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { ResolvedConfiguration } from "../src/config/schema.js";
import { type BuildFlags, pairs, readConfiguration } from "../src/flags.js";
import { openWorkshop } from "./elf/toolchain.js";

const workshop = openWorkshop();

/** What commander gives where the command line has no options. */
const none: BuildFlags = {
  bind: true,
  library: [],
  libraryPath: [],
  cflag: [],
  ldflag: [],
  env: [],
  include: [],
  ring0: [],
  maskCall: [],
  kernelOption: [],
  kernelSymbol: [],
  port: [],
  volume: [],
  ulimit: [],
  disk: [],
};

function read(
  targets: readonly string[],
  flags: Partial<BuildFlags> = {},
  programArguments?: readonly string[],
): Promise<ResolvedConfiguration> {
  return readConfiguration(targets, { ...none, ...flags }, programArguments);
}

/** A directory of its own, which the test is then in. */
function enter(name: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(join(workshop.directory, name));
  for (const [file, content] of Object.entries(files)) workshop.write(join(name, file), content);
  const directory = join(workshop.directory, name);
  vi.spyOn(process, "cwd").mockReturnValue(directory);
  return directory;
}

afterEach(() => void vi.restoreAllMocks());

describe("targets", () => {
  test.each(["hello", "/bin/busybox", "hello.elf", "a.out"])("%s alone is a program", async (target) => {
    expect(await read([target])).toMatchObject({ program: target });
  });

  test.each(["x.c", "x.cc", "x.cpp", "x.cxx", "x.S", "x.s", "x.o", "x.a"])(
    "%s alone is an input",
    async (target) => {
      const configuration = await read([target]);
      expect(configuration.inputs).toEqual([target]);
      expect(configuration.program).toBeUndefined();
    },
  );

  test("that are several are inputs, in their order", async () => {
    expect((await read(["b.o", "a.c", "c.a"])).inputs).toEqual(["b.o", "a.c", "c.a"]);
  });

  test("that are several and no inputs are refused as UKL-101, by name", async () => {
    await expect(read(["hello.c", "program"])).rejects.toMatchObject({
      code: "UKL-101",
      detail: { cause: expect.stringContaining("program") },
    });
  });

  test("that are missing leave neither inputs nor a program, for the build to refuse", async () => {
    enter("empty", {});
    const { inputs, program } = await read([]);
    expect([inputs, program]).toEqual([undefined, undefined]);
  });
});

describe("options", () => {
  test("each end in their place of the configuration", async () => {
    const configuration = await read(["x.c"], {
      name: "image",
      mode: "classic",
      cc: "musl-gcc",
      library: ["m", "pthread"],
      libraryPath: ["/opt/lib"],
      cflag: ["-O3"],
      ldflag: ["-s"],
      env: ["A=1"],
      include: ["/etc/x=host/x", "host/../own", "/srv/"],
      ring0: ["/etc/x"],
      kernelSource: "/usr/src/linux",
      kernelOption: ["CONFIG_NR_CPUS=4"],
      kernelSymbol: ["ukl_syscall"],
      memory: "256M",
      smp: 2,
      volume: ["/srv/www:/www:ro"],
      disk: ["/srv/disk:/data:64M"],
    });
    expect(configuration).toMatchObject({
      name: "image",
      mode: "classic",
      compiler: "musl-gcc",
      libraries: ["m", "pthread"],
      libraryPaths: ["/opt/lib"],
      compileFlags: ["-O3"],
      linkFlags: ["-s"],
      env: { A: "1" },
      files: { include: { "/etc/x": "host/x", [`${process.cwd()}/own`]: "host/../own", "/srv": "/srv/" } },
      ring0: { programs: ["/etc/x"] },
      kernel: { source: "/usr/src/linux", options: { CONFIG_NR_CPUS: "4" }, symbols: ["ukl_syscall"] },
      run: {
        memory: "256M",
        cpus: 2,
        volumes: { "/www": { host: "/srv/www", readOnly: true } },
        disks: { "/data": { file: "/srv/disk", size: "64M" } },
      },
    });
  });

  test("that are not given leave the defaults", async () => {
    expect(await read(["x.c"])).toMatchObject({ mode: "unikernel", libraries: [], args: [], env: {} });
  });

  test("make library paths absolute, because the compiler may run elsewhere", async () => {
    expect((await read(["x.c"], { libraryPath: ["lib"] })).libraryPaths).toEqual([resolve("lib")]);
  });

  test.each([
    ["smp", { smp: Number.NaN }],
    ["smp", { smp: 0 }],
    ["smp", { smp: 1.5 }],
    ["memory", { memory: "lots" }],
    ["kernel option", { kernelOption: ["NR_CPUS=4"] }],
    ["kernel symbol", { kernelSymbol: ["not a symbol"] }],
    ["guest path", { include: ["relative=host"] }],
    ["name", { name: "../escape" }],
    ["place of a volume", { volume: ["/host:relative"] }],
    ["place of a disk", { disk: ["/disk:/:64M"] }],
    ["size of a disk", { disk: ["/disk:/data:64T"] }],
  ])("with a bad %s are refused as UKL-101", async (_, flags) => {
    await expect(read(["x.c"], flags)).rejects.toMatchObject({ code: "UKL-101" });
  });
});

describe("arguments of the program", () => {
  test("are what follows --, whatever it looks like", async () => {
    const words = ["--mode", "", "-x", "a b"];
    expect((await read(["x.c"], {}, words)).args).toEqual(words);
  });

  test("replace those of the configuration, even by none", async () => {
    enter("arguments", { "ukl.config.json": '{ "program": "p", "args": ["from", "file"] }' });
    const config = join(process.cwd(), "ukl.config.json");
    expect((await read([], { config })).args).toEqual(["from", "file"]);
    expect((await read([], { config }, [])).args).toEqual([]);
    expect((await read([], { config }, ["new"])).args).toEqual(["new"]);
  });
});

describe("the configuration file", () => {
  test("that is named is read, with its paths from its own directory, and the flags win", async () => {
    const directory = enter("named", {
      "other.json": '{ "program": "p", "mode": "classic", "name": "file" }',
    });
    const config = join(directory, "other.json");
    expect(await read([], { config })).toMatchObject({
      program: join(directory, "p"),
      mode: "classic",
      name: "file",
    });
    expect(await read([], { config, mode: "unikernel" })).toMatchObject({ mode: "unikernel", name: "file" });
    expect(await read(["x.c"], { config })).toMatchObject({ inputs: ["x.c"], mode: "classic" });
  });

  test("that does not exist is UKL-110", async () => {
    const config = join(workshop.directory, "missing.json");
    await expect(read(["x.c"], { config })).rejects.toMatchObject({ code: "UKL-110" });
  });
});

describe("pairs", () => {
  test("are split at the first equals sign", () => {
    expect(pairs(["A=1", "B=x=y", "C="], "usage")).toEqual({ A: "1", B: "x=y", C: "" });
  });

  test.each(["NAME", "=value", ""])(
    "such as '%s' are refused as UKL-101, with the usage as remedy",
    (word) => {
      expect(() => pairs([word], "-e NAME=VALUE")).toThrow(
        expect.objectContaining({
          code: "UKL-101",
          detail: expect.objectContaining({ fix: "write -e NAME=VALUE" }),
        }),
      );
    },
  );
});
