// SPDX-License-Identifier: MIT
/**
 * No option and no leaf of a configuration is without a meaning: for each kind of target it changes what is asked for,
 * or is refused by its name.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { addBench } from "../src/cli/bench.js";
import { addBuild } from "../src/cli/build.js";
import { addRun } from "../src/cli/run.js";
import { addStubs } from "../src/cli/stubs.js";
import type { Invocation } from "../src/cli/terminal.js";
import { configurationJsonSchema } from "../src/config/schema.js";
import { UklError } from "../src/errors.js";
import { type MachineFlags, readConfiguration, readRunConfiguration } from "../src/flags.js";
import { optionRules, type TargetKind, targetKinds } from "../src/option-rules.js";
import { settingsOfBuilt, settingsOfImage } from "../src/run-settings.js";
import { openWorkshop } from "./elf/toolchain.js";

const workshop = openWorkshop();

const none: MachineFlags = {
  ...{ bind: true, library: [], libraryPath: [], cflag: [], ldflag: [], env: [], include: [], ring0: [] },
  ...{ maskCall: [], kernelOption: [], kernelSymbol: [], port: [], volume: [], disk: [], ulimit: [] },
};

/** Of each option a value that is none of the defaults. */
const samples = {
  pull: true,
  unpackLimit: "1G",
  name: "other",
  mode: "classic",
  bind: false,
  shortcuts: true,
  library: ["m"],
  libraryPath: ["/opt/lib"],
  cc: "musl-gcc",
  cflag: ["-O3"],
  ldflag: ["-s"],
  user: "nobody",
  env: ["A=1"],
  include: ["/etc/x=/etc/passwd"],
  ring0: ["/bin/sh"],
  mask: "eperm",
  maskCall: ["sync=kill"],
  maskFrom: "calls.txt",
  kernel: "generic",
  kernelSource: "/usr/src/linux",
  kernelOption: ["CONFIG_NR_CPUS=4"],
  kernelSymbol: ["jiffies"],
  as: "node",
  plan: true,
  workdir: "/srv",
  memory: "256M",
  smp: 2,
  port: ["8080:80"],
  net: "none",
  volume: ["/srv:/srv"],
  disk: ["/disk:/data:64M"],
  hostname: "other",
  ulimit: ["nofile=100:200"],
  accel: "tcg",
  timeout: 5,
} as const satisfies Omit<Required<MachineFlags>, "config">;

const optionNames = Object.keys(samples) as (keyof typeof samples)[];

const targetsOf: Readonly<Record<TargetKind, string>> = {
  sources: "x.c",
  executable: "/bin/true",
  package: "package:hello",
  container: "oci:./layout",
  image: "hello.elf",
};

/** All that a build or run is asked for. */
async function asked(kind: TargetKind, flags: Partial<MachineFlags>): Promise<unknown> {
  const all = { ...none, ...flags };
  const target = targetsOf[kind];
  if (kind !== "image") {
    const configuration = await readConfiguration([target], all, undefined);
    return { configuration, settings: settingsOfBuilt(configuration) };
  }
  const { configuration, unused } = await readRunConfiguration(target, all, undefined);
  const said = { mode: all.mode !== undefined, accelerator: all.accel !== undefined, args: undefined };
  return { settings: settingsOfImage(configuration, said, { run: { memory: "128M", cpus: 1 } }), unused };
}

const spelled = { ...optionRules, accel: { option: "--accel" }, timeout: { option: "--timeout" } };

describe.each(targetKinds)("with a target of the kind %s", (kind) => {
  test.each(optionNames)("%s counts, or is refused by its name", async (name) => {
    const plain = await asked(kind, {});
    const outcome = await asked(kind, { [name]: samples[name] }).catch((error: unknown) => error);
    if (!(outcome instanceof Error)) return expect(outcome).not.toEqual(plain);
    expect(outcome).toMatchObject({
      code: "UKL-101",
      detail: { what: expect.stringContaining(spelled[name].option) },
    });
  });
});

test.each([
  ["image", "user"],
  ["image", "env"],
  ["image", "include"],
  ["image", "accel"],
  ["image", "hostname"],
  ["image", "ulimit"],
  ["image", "timeout"],
  ["container", "unpackLimit"],
  ["package", "pull"],
  ["sources", "library"],
] as const)("with a target of the kind %s %s counts", async (kind, name) => {
  expect(await asked(kind, { [name]: samples[name] })).not.toEqual(await asked(kind, {}));
});

test.each([
  ["image", "mask", /ukl build TARGET --mask eperm/],
  ["image", "ring0", /ukl build TARGET --ring0 \/bin\/sh/],
  ["image", "bind", /ukl build TARGET --no-bind/],
  ["image", "kernelOption", /ukl build TARGET --kernel-option CONFIG_NR_CPUS=4/],
  ["executable", "library", /leave out -l/],
] as const)("with a target of the kind %s %s is refused with a way out", async (kind, name, fix) => {
  const refused = asked(kind, { [name]: samples[name] });
  await expect(refused).rejects.toMatchObject({ detail: { fix: expect.stringMatching(fix) } });
});

test("shortcuts without bound calls are refused", async () => {
  await expect(asked("sources", { bind: false, shortcuts: true })).rejects.toMatchObject({
    code: "UKL-101",
    detail: { what: expect.stringContaining("--shortcuts") },
  });
});

/** Commander's own names of the options that a command has beside those of images. */
const ownOptions: Readonly<Record<string, readonly string[]>> = {
  build: ["output", "bzimage", "explainKernel", "json"],
  stubs: ["output"],
  run: [
    "accel",
    "detach",
    "guest",
    "timeout",
    "grace",
    "append",
    "icount",
    "dryRun",
    "missingFiles",
    "json",
    "tty",
  ],
  bench: ["compare", "image", "kernelImage", "part", "runs", "seed", "timeout", "accel", "json", "html"],
};

test.each(Object.keys(ownOptions))("each option of ukl %s is known here", (name) => {
  const program = new Command();
  for (const add of [addBuild, addStubs, addRun, addBench]) add(program, {} as Invocation);
  const command = program.commands.find((each) => each.name() === name);
  // -t and -T are one.
  const options = [...new Set(command?.options.map((option) => option.attributeName()))];
  expect(options.toSorted()).toEqual([...Object.keys(optionRules), ...(ownOptions[name] ?? [])].toSorted());
});

type Schema = ReturnType<typeof configurationJsonSchema>;

/** Where an object has named members, those; where it has any, it is a leaf itself. */
function leavesOf({ properties }: Schema, path: string): readonly string[] {
  if (properties === undefined) return [path];
  return Object.entries(properties).flatMap(([name, member]) =>
    leavesOf(member as Schema, path === "" ? name : `${path}.${name}`),
  );
}

const leaves = leavesOf(configurationJsonSchema(), "");

/** Of each leaf a value that is none of the defaults; targets are what the others are tried with. */
const values: Readonly<Record<string, unknown>> = {
  ...{ name: "other", pull: true, unpackLimit: "1G", compiler: "musl-gcc", libraries: ["m"] },
  ...{ libraryPaths: ["/opt/lib"], compileFlags: ["-O3"], linkFlags: ["-s"], args: ["one"], user: "nobody" },
  ...{
    env: { A: "1" },
    mode: "classic",
    bind: false,
    shortcuts: true,
    "files.include": { "/etc/x": "/etc/passwd" },
  },
  ...{
    "mask.default": "eperm",
    "mask.calls": { sync: "kill" },
    "mask.from": "/calls",
    "ring0.programs": ["/bin/sh"],
  },
  ...{ "kernel.base": "generic", "kernel.source": "/usr/src", "kernel.options": { CONFIG_SMP: "y" } },
  ...{ "kernel.symbols": ["jiffies"], "run.memory": "256M", "run.cpus": 2, "run.ports": ["8080:80"] },
  ...{ "run.net": "none", "run.accelerator": "tcg", "run.timeoutSeconds": 5 },
  ...{ "run.hostname": "other", "run.ulimits": { nofile: "100:200" }, workingDirectory: "/srv" },
  ...{ "run.volumes": { "/srv": { host: "/srv" } }, "run.disks": { "/data": { file: "/disk" } } },
};

const notTried = ["$schema", "inputs", "program", "package", "image"];

test("each leaf of the configuration is known here", () => {
  expect(leaves.length).toBeGreaterThan(30);
  expect(leaves.toSorted()).toEqual([...notTried, ...Object.keys(values)].toSorted());
});

/** A configuration file with one leaf. */
function fileWith(leaf: string, value: unknown): string {
  const [outer = "", inner] = leaf.split(".");
  const content = leaf === "" ? {} : { [outer]: inner === undefined ? value : { [inner]: value } };
  mkdirSync(join(workshop.directory, "configurations"), { recursive: true });
  const path = join(workshop.directory, "configurations", `${leaf || "none"}.json`);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

describe.each(targetKinds)("with a target of the kind %s, a configuration's", (kind) => {
  test.each(Object.keys(values))("%s counts, or is refused by its name", async (leaf) => {
    const plain = await asked(kind, { config: fileWith("", undefined) });
    const outcome = await asked(kind, { config: fileWith(leaf, values[leaf]) }).catch(
      (error: unknown) => error,
    );
    if (!(outcome instanceof UklError)) return expect(outcome).not.toEqual(plain);
    expect(outcome).toMatchObject({
      code: "UKL-112",
      detail: { cause: expect.stringContaining(`${leaf}: `) },
    });
  });
});

describe("the image's own", () => {
  const manifest = { run: { memory: "128M", cpus: 1, accelerator: "tcg", timeoutSeconds: 7 } } as const;
  const settings = async (flags: Partial<MachineFlags>) => {
    const { configuration } = await readRunConfiguration("hello.elf", { ...none, ...flags }, undefined);
    return settingsOfImage(
      configuration,
      { mode: false, accelerator: flags.accel !== undefined, args: undefined },
      manifest,
    );
  };

  test("accelerator and time limit count where nobody says more", async () => {
    expect(await settings({})).toMatchObject({ accelerator: "tcg", timeoutSeconds: 7 });
  });

  test("give way to a configuration's, and these to the command line's", async () => {
    const config = fileWith("run", { accelerator: "kvm", timeoutSeconds: 8 });
    expect(await settings({ config })).toMatchObject({ accelerator: "kvm", timeoutSeconds: 8 });
    const said = { config, accel: "auto", timeout: 9 } as const;
    expect(await settings(said)).toMatchObject({ accelerator: "auto", timeoutSeconds: 9 });
  });
});
