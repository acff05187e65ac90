// SPDX-License-Identifier: MIT
/**
 * The fixtures: real programs with the outcome they must have, and their reference on the host.
 *
 * A fixture is a folder of fixtures/ with its sources and a fixture.json (the schema below). The same inputs
 * are linked into a static executable and run on the host, whose kernel is the judge of what a program does;
 * the boot tests then ask the same of both modes. The folder the host runs in is laid out as the guest's
 * root, and both use paths relative to it, so that a program cannot tell the difference.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdir, open, readFile } from "node:fs/promises";
import { constants } from "node:os";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { run as runCommand } from "../../src/host/exec.js";
import { patience } from "./patience.js";

export const fixturesDirectory = fileURLToPath(new URL("../../fixtures", import.meta.url));

/** What every program finds in its environment besides what its run adds. */
const guestEnvironment: Readonly<Record<string, string>> = {
  HOME: "/root",
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  TERM: "linux",
};

/** Where an application that calls the kernel jumps to on the host: into the half no process may enter. */
const kernelAddress = "0xffffffff81000000";

/** The system call by function call: in ring 3, as on the host, a stub of the toolkit. */
const callEntry = "ukl_syscall";
const callEntrySource = fileURLToPath(new URL("../../syscall-stubs/x86_64/ukl_syscall.S", import.meta.url));

const exitStatus = z.int().min(0).max(255);

/** Lines of stdout and stderr together. `{cpl}` is the privilege level: 0 in a unikernel, otherwise 3. */
const lines = z.array(z.string());

/** The same everywhere; with `stdout: "host"`, whatever the host prints. */
const sameOutcome = z.strictObject({ exit: exitStatus, stdout: z.union([z.literal("host"), lines]) });

/** Different by mode; the host then does what classic mode does. */
const modeOutcome = z.strictObject({ exit: exitStatus, stdout: lines });
const outcomeByMode = z.strictObject({ unikernel: modeOutcome, classic: modeOutcome });

const runSchema = z.strictObject({
  name: z.string().min(1),
  args: z.array(z.string()).default([]),
  /** Added to `guestEnvironment`. */
  env: z.record(z.string().regex(/^[A-Z_][A-Z0-9_]*$/), z.string()).default({}),
  /** The exit status, or 128 plus the number of the signal that ended the program. */
  expect: z.union([sameOutcome, outcomeByMode]),
});

const guestPath = z.string().regex(/^(\/[\w.-]+)+$/, "an absolute path of the guest");

const compiler = z.enum(["gcc", "musl-gcc"]);
const linkedBy = z.enum(["toolkit", "host"]);
const flags = z.array(z.string());

/** Another way to build the same fixture: its flags come after the fixture's, the rest replaces. */
const variantSchema = z.strictObject({
  compiler: compiler.optional(),
  linkedBy: linkedBy.optional(),
  compileFlags: flags.default([]),
  linkFlags: flags.default([]),
});

const fixtureSchema = z
  .strictObject({
    description: z.string().min(1),
    compiler: compiler.default("gcc"),
    /** `host`: the toolkit is given the host's static executable instead of the inputs. */
    linkedBy: linkedBy.default("toolkit"),
    compileFlags: flags.default([]),
    linkFlags: flags.default([]),
    /** Sources and objects, relative to the fixture's folder. Either these or `program`. */
    inputs: z.array(z.string()).min(1).optional(),
    /** A static executable of the host. */
    program: z.string().startsWith("/").optional(),
    /** Names as after -l. */
    libraries: z.array(z.string()).default([]),
    /** Files of the guest: a file of the fixture's folder, or sources to link into a static executable. */
    files: z
      .record(guestPath, z.union([z.string(), z.strictObject({ compiled: z.array(z.string()).min(1) })]))
      .default({}),
    /** Each number of CPUs is a boot of its own. */
    cpus: z.array(z.int().min(1)).min(1).default([1]),
    memory: z
      .string()
      .regex(/^\d+[MG]$/)
      .default("128M"),
    timeoutSeconds: z.int().min(1).default(20),
    /** Symbols the application takes from the kernel or the stubs. */
    kernelSymbols: z.array(z.string()).default([]),
    runs: z.array(runSchema).min(1),
    /** Each variant becomes a fixture of its own, `<fixture>-<variant>`. */
    variants: z.record(z.string().regex(/^[\w-]+$/), variantSchema).optional(),
  })
  .refine((fixture) => (fixture.inputs === undefined) !== (fixture.program === undefined), {
    message: "a fixture has either inputs or a program",
  });

type FixtureFile = z.infer<typeof fixtureSchema>;
export type FixtureRun = z.infer<typeof runSchema>;

/** One program to build and run. Paths in it are absolute. */
export interface Fixture extends Omit<FixtureFile, "variants" | "inputs" | "program"> {
  readonly name: string;
  /** The file name in /bin of the guest; argv[0] is `/bin/<programName>`. */
  readonly programName: string;
  readonly directory: string;
  readonly source: { readonly inputs: readonly string[] } | { readonly program: string };
}

/** How a run ended. `output` is stdout and stderr in the order they were written. */
export interface RunOutcome {
  readonly exitStatus: number;
  readonly output: string;
}

export interface HostReference {
  /** Laid out as the guest's root; the working directory of every run. */
  readonly root: string;
  readonly executable: string;
  /** The further files of the guest: guest path to host path. */
  readonly files: Readonly<Record<string, string>>;
}

/** Those of test/boot/projects.test.ts, which are started by their directory. */
const projects = "projects";

/** All fixtures by name, variants expanded. Throws the zod error of a malformed fixture.json. */
export function loadFixtures(): Fixture[] {
  return readdirSync(fixturesDirectory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== projects)
    .map((entry) => entry.name)
    .sort()
    .flatMap((name) => {
      const directory = join(fixturesDirectory, name);
      return parseFixture(name, directory, readFileSync(join(directory, "fixture.json"), "utf8"));
    });
}

/** The fixtures one fixture.json describes: itself, or one for each variant. */
export function parseFixture(name: string, directory: string, json: string): Fixture[] {
  const parsed = fixtureSchema.parse(JSON.parse(json));
  const { variants, inputs, program, ...rest } = parsed;
  const source =
    program === undefined ? { inputs: (inputs ?? []).map((input) => join(directory, input)) } : { program };
  const mainFile = program ?? inputs?.[0] ?? name;
  const fixture = { ...rest, name, directory, source, programName: basename(mainFile, extname(mainFile)) };
  if (variants === undefined) return [fixture];
  return Object.entries(variants).map(([variant, build]) => ({
    ...fixture,
    name: `${name}-${variant}`,
    compiler: build.compiler ?? fixture.compiler,
    linkedBy: build.linkedBy ?? fixture.linkedBy,
    compileFlags: [...fixture.compileFlags, ...build.compileFlags],
    linkFlags: [...fixture.linkFlags, ...build.linkFlags],
  }));
}

/** Builds the host's executable and the guest's files under `directory`. Throws UKL-404 if a tool fails. */
export async function buildHostReference(fixture: Fixture, directory: string): Promise<HostReference> {
  const executable = join(directory, "bin", fixture.programName);
  for (const folder of ["bin", "tmp"]) await mkdir(join(directory, folder), { recursive: true });
  if ("program" in fixture.source) await copyFile(fixture.source.program, executable);
  else await linkStatic(fixture, fixture.source.inputs, executable);

  const files: Record<string, string> = {};
  for (const [path, source] of Object.entries(fixture.files)) {
    const target = join(directory, path);
    await mkdir(dirname(target), { recursive: true });
    if (typeof source === "string") await copyFile(join(fixture.directory, source), target);
    else {
      const inputs = source.compiled.map((input) => join(fixture.directory, input));
      await linkStatic({ ...fixture, linkFlags: [], libraries: [], kernelSymbols: [] }, inputs, target);
    }
    files[path] = target;
  }
  return { root: directory, executable, files };
}

/** Runs on the host with the environment, working directory and argv[0] the guest gives. */
export async function runOnHost(
  fixture: Fixture,
  reference: HostReference,
  run: FixtureRun,
): Promise<RunOutcome> {
  const outputPath = `${reference.root}.output`;
  // One file for both streams, as the guest has one console: the order of writing is kept.
  const output = await open(outputPath, "w");
  try {
    const child = spawn(reference.executable, run.args, {
      argv0: `/bin/${fixture.programName}`,
      cwd: reference.root,
      env: { ...guestEnvironment, ...run.env },
      stdio: ["ignore", output.fd, output.fd],
      timeout: patience(fixture.timeoutSeconds * 1000),
      killSignal: "SIGKILL",
    });
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    const exitStatus = signal === null ? (code ?? 0) : 128 + constants.signals[signal];
    return { exitStatus, output: await readFile(outputPath, "latin1") };
  } finally {
    await output.close();
  }
}

/** What a run must give at a place. `host` is its outcome on the host, for runs that ask to equal it. */
export function expectedOutcome(
  run: FixtureRun,
  place: "host" | "unikernel" | "classic",
  host: RunOutcome,
): RunOutcome {
  const expected =
    "exit" in run.expect ? run.expect : run.expect[place === "unikernel" ? "unikernel" : "classic"];
  if (expected.stdout === "host") return { exitStatus: expected.exit, output: host.output };
  const level = place === "unikernel" ? "0" : "3";
  const text = expected.stdout.map((line) => `${line.replaceAll("{cpl}", level)}\n`).join("");
  // Compared as bytes, each one character, like the outputs.
  return { exitStatus: expected.exit, output: Buffer.from(text, "utf8").toString("latin1") };
}

async function linkStatic(fixture: Fixture, inputs: readonly string[], output: string): Promise<void> {
  const isCxx = inputs.some((input) => extname(input) === ".cc");
  const missing = inputs.filter((input) => !existsSync(input));
  if (missing.length > 0) throw new Error(`${fixture.name}: no file ${missing.join(", ")}`);
  await runCommand({
    tool: isCxx ? "g++" : fixture.compiler,
    args: [
      ...(fixture.linkFlags.includes("-static-pie") ? [] : ["-static"]),
      ...["-O2", "-Wall", "-Wextra", "-Werror"],
      ...fixture.compileFlags,
      ...inputs,
      ...(fixture.kernelSymbols.includes(callEntry) ? [callEntrySource] : []),
      ...fixture.linkFlags,
      ...fixture.kernelSymbols
        .filter((symbol) => symbol !== callEntry)
        .map((symbol) => `-Wl,--defsym,${symbol}=${kernelAddress}`),
      ...fixture.libraries.map((library) => `-l${library}`),
      ...["-o", output],
    ],
  });
}
