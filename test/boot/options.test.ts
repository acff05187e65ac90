// SPDX-License-Identifier: MIT
/** What an option says counts in the guest, or is refused; the same program on the host says what is right. */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planImage } from "../../src/build.js";
import { mergeFlags } from "../../src/config/merge.js";
import { configurationJsonSchema, type ResolvedConfiguration } from "../../src/config/schema.js";
import { withScratchDirectory } from "../../src/host/files.js";
import { stopwatch } from "../../src/host/stopwatch.js";
import { settingsOfBuilt } from "../../src/run-settings.js";
import { resolveTarget } from "../../src/target.js";
import { ukl } from "../support/cli.js";
import { modes } from "../support/harness.js";

const source = fileURLToPath(new URL("options-program.c", import.meta.url));
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-options-"));
  execFileSync("gcc", ["-Wall", "-o", "program", source], { cwd: scratch });
  await writeFile(join(scratch, "file"), "included\n", { mode: 0o640 });
  for (const mode of modes) {
    const output = ["--kernel", "generic", "--mode", mode, "-o", `${mode}.elf`];
    expect(await ukl(["build", "./program", ...output], { cwd: scratch })).toMatchObject({ exitStatus: 0 });
  }
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

const run = (...args: string[]) => ukl(["run", ...args], { cwd: scratch });

/** As getent(1) has it. */
function account(name: string): string {
  const [, , uid, gid] = execFileSync("getent", ["passwd", name], { encoding: "utf8" }).split(":");
  return `${uid}:${gid} ${name}`;
}

describe.each(modes)("a %s image", (mode) => {
  const image = `${mode}.elf`;

  test.each(["nobody", "daemon", "root"])("runs as %s with -u, whose name it knows", async (user) => {
    const { stdout, stderr } = await run(image, "-u", user);
    expect({ first: stdout.split("\n")[0], stderr }).toEqual({ first: account(user), stderr: "" });
  });

  test("runs as a user and group by number", async () => {
    expect((await run(image, "-u", "1234:4321")).stdout).toMatch(/^1234:4321 nobody's name\n/);
  });

  test("has what is included at its start, below directories that it lacks", async () => {
    const { stdout } = await run(image, "--include", "/srv/included/file=file");
    expect(stdout).toMatch(/\n640 included\n$/);
  });

  test("gets as many arguments as the host lets a program have", async () => {
    const args = [...Array.from({ length: 5000 }, String), "x".repeat(128 * 1024 - 1)];
    const onHost = spawnSync(join(scratch, "program"), args, { encoding: "utf8" }).stdout.split("\n")[1];
    const config = join(scratch, "many.json");
    await writeFile(config, JSON.stringify({ args }));
    expect((await run(image, "--config", config)).stdout.split("\n")[1]).toBe(onHost);
  });

  test("is refused what is decided when it is built, before it starts", async () => {
    const refused = await run(image, "--mask", "none");
    expect(refused).toMatchObject({ exitStatus: 64, stdout: "" });
    expect(refused.stderr).toMatch(/^error\[UKL-101\]: --mask [\s\S]+ukl build TARGET --mask none/);
  });

  test("is no program of the host, and one whose notes were taken out is none of a machine", async () => {
    expect((await stat(join(scratch, image))).mode & 0o111).toBe(0);
    await copyFile(join(scratch, image), join(scratch, "changed.elf"));
    execFileSync("strip", ["changed.elf"], { cwd: scratch });
    expect(await run("changed.elf")).toMatchObject({ exitStatus: 0 });
    execFileSync("objcopy", ["--remove-section=.notes", "changed.elf"], { cwd: scratch });
    expect((await run("changed.elf")).stderr).toMatch(/^error\[UKL-503\]/);
  });

  test("ends after the time that its configuration allows", async () => {
    const config = join(scratch, "limited.json");
    const content = { program: "/bin/sleep", args: ["1000"], mode, kernel: { base: "generic" } };
    await writeFile(config, JSON.stringify({ ...content, run: { timeoutSeconds: 3, accelerator: "tcg" } }));
    expect((await run("--config", config)).stderr).toMatch(/^error\[UKL-603\].* 3 s\n/m);
    expect(await ukl(["build", "--config", config, "-o", "sleep.elf"], { cwd: scratch })).toMatchObject({
      exitStatus: 0,
    });
    expect((await run("sleep.elf")).stderr).toMatch(/^error\[UKL-603\].* 3 s\n/m);
  });
});

test("a program beside the application runs in ring 0 where it is named, wherever it is from", async () => {
  const cpl = fileURLToPath(new URL("options-ring.c", import.meta.url));
  const words = ["--include", "/tools=tools", "--kernel", "generic", "-o", "beside.elf"];
  await mkdir(join(scratch, "tools"));
  execFileSync("gcc", ["-Wall", "-static", "-o", "tools/ring", cpl], { cwd: scratch });
  await symlink("ring", join(scratch, "tools", "link"));
  const of = async (...more: string[]) => {
    expect(await ukl(["build", "./tools/ring", ...words, ...more], { cwd: scratch })).toMatchObject({
      exitStatus: 0,
    });
    return (await run("beside.elf", "--", "/tools/ring")).stdout;
  };
  expect(await of()).toBe("CPL 0\nCPL 3\n");
  for (const name of ["ring", "link"]) expect(await of("--ring0", `/tools/${name}`)).toBe("CPL 0\nCPL 0\n");
  const { stderr, exitStatus } = await ukl(["build", "./tools/ring", "--ring0", "/no/such"], {
    cwd: scratch,
  });
  expect(stderr).toMatch(/^error\[UKL-101\]: \/no\/such cannot run in ring 0/);
  expect(exitStatus).toBe(64);
});

/** A value whose members are noted as they are read by name; to copy all of them is to read none. */
function noting<T extends object>(value: T, path: string, read: Set<string>): T {
  let copied: PropertyKey | undefined;
  return new Proxy(value, {
    getOwnPropertyDescriptor(target, key) {
      copied = key;
      return Reflect.getOwnPropertyDescriptor(target, key);
    },
    get(target, key) {
      const place = path === "" ? String(key) : `${path}.${String(key)}`;
      if (copied !== key) read.add(place);
      copied = undefined;
      const member: unknown = Reflect.get(target, key);
      const isGroup = typeof member === "object" && member !== null && !Array.isArray(member);
      return isGroup ? noting(member, place, read) : member;
    },
  });
}

type Schema = ReturnType<typeof configurationJsonSchema>;

function leavesOf({ properties }: Schema, path = ""): readonly string[] {
  if (properties === undefined) return [path];
  return Object.entries(properties).flatMap(([name, member]) =>
    leavesOf(member as Schema, path === "" ? name : `${path}.${name}`),
  );
}

test("each leaf of a configuration is read by a build or a run", async () => {
  const read = new Set<string>();
  const noted = (configuration: ResolvedConfiguration) => noting(configuration, "", read);
  const generic = { kernel: { base: "generic" } } as const;
  const linked = noted(mergeFlags(undefined, { ...generic, inputs: [source] }));
  await withScratchDirectory((directory) =>
    planImage({ configuration: linked, onProgress: () => undefined }, directory, stopwatch()),
  );
  settingsOfBuilt(linked);
  for (const target of [
    { program: "/no/such" },
    { package: "no-such-package" },
    { image: "oci:./nowhere" },
  ]) {
    const failed = resolveTarget(noted(mergeFlags(undefined, target)), scratch);
    await failed.catch(() => undefined);
  }
  // The schema's own place is for editors.
  const unread = leavesOf(configurationJsonSchema()).filter((leaf) => !read.has(leaf));
  expect(unread).toEqual(["$schema"]);
});
