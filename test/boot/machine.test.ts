// SPDX-License-Identifier: MIT
/** What a program finds of its machine is what a Debian system or a container of Docker has. */
import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ConfigurationFlags } from "../../src/config/schema.js";
import type { RunRequest } from "../../src/run.js";
import { cliPath } from "../support/cli.js";
import { bootImage, buildImage, modes } from "../support/harness.js";

const source = fileURLToPath(new URL("machine-program.c", import.meta.url));
const bootLimitMs = 60_000;
let scratch: string;
let program: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-machine-"));
  program = join(scratch, "asker");
  execFileSync("gcc", ["-O2", "-o", program, source, "-lpthread"]);
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe.each(modes)("in %s mode a program", (mode) => {
  async function answers(
    questions: readonly string[],
    { name = "asker", ...configuration }: ConfigurationFlags = {},
    request: Partial<RunRequest> = {},
  ): Promise<Readonly<Record<string, string>>> {
    const imagePath = join(scratch, `${name}-${mode}.elf`);
    await buildImage({ program, name, mode, ...configuration }, imagePath);
    const { output, exitStatus } = await bootImage({ imagePath, args: questions, ...request }, bootLimitMs);
    expect(exitStatus).toBe(0);
    const lines = output.trim().split("\n");
    return Object.fromEntries(lines.map((line) => line.split(/: (.*)/s) as [string, string]));
  }

  test("finds the directories of Debian, a name, limits, and the home of root", async () => {
    const found = await answers([
      ...["/bin", "/lib", "/lib64", "/sbin", "/usr/sbin"],
      ...["/", "/run", "/var/run", "/var/log", "/root", "/home", "/tmp", "/var/tmp", "/var/mail"],
      ...["name", "home", "limit=7", "limit=6", "limit=4", "bind=80"],
    ]);
    expect(found).toEqual({
      // What stat(1) tells of a container of debian:12.
      ...{ "/bin": "120777 0:0", "/lib": "120777 0:0", "/lib64": "120777 0:0", "/sbin": "120777 0:0" },
      ...{ "/usr/sbin": "40755 0:0" },
      ...{ "/": "40755 0:0", "/run": "40755 0:0", "/var/run": "120777 0:0", "/var/log": "40755 0:0" },
      ...{ "/root": "40700 0:0", "/home": "40755 0:0", "/tmp": "41777 0:0", "/var/tmp": "41777 0:0" },
      "/var/mail": "42775 0:8",
      ...{ name: "asker found", home: "/root" },
      // systemd-system.conf(5): DefaultLimitNOFILE; and the kernel's own limit of core dumps.
      ...{ "limit=7": "1024 524288", "limit=6": "-1 -1", "limit=4": "0 -1" },
      "bind=80": "0 listens pings",
    });
  });

  test("has the name and the limits that are asked for, of the image and of the run", async () => {
    const name = "asked";
    const run = { hostname: "db.example", ulimits: { nofile: "77:88", core: "5:9" } };
    const questions = ["name", "limit=7", "limit=4"];
    const ofImage = await answers(questions, { name, run });
    expect(ofImage).toEqual({ name: "db.example found", "limit=7": "77 88", "limit=4": "5 9" });
    const ofRun = await answers(
      questions,
      { name, run },
      { hostname: "other", ulimits: { nofile: "99" }, net: "none" },
    );
    expect(ofRun).toEqual({ name: "other found", "limit=7": "99 99", "limit=4": "5 9" });
  });

  test("has a shell for its commands, and the databases of names that it asks", async () => {
    const onHost = execFileSync(program, ["shell", "names"], { encoding: "utf8" }).trim().split("\n");
    const found = await answers(["shell", "names"]);
    expect(Object.entries(found).map((line) => line.join(": "))).toEqual(onHost);
  });

  test("has a shell when it is static", async () => {
    const alone = join(scratch, "static");
    execFileSync("gcc", ["-O2", "-static", "-o", alone, source], { stdio: "ignore" });
    expect(await answers(["shell", "/run"], { name: "static", program: alone })).toEqual({
      shell: "42 3",
      "/run": "40755 0:0",
    });
  });

  test("that is a shell, and is told by stdin what to do, may use what every Debian system has", async () => {
    const image = join(scratch, `shell-${mode}.elf`);
    await buildImage({ program: "/bin/bash", name: "shell", mode }, image);
    const input = "grep -c ^root /etc/passwd | sed s/^/lines:/; ls -d /etc; tar --version | head -n 1\n";
    const onHost = execFileSync("bash", [], { input, encoding: "utf8" });
    const words = [cliPath, "run", image, "--timeout", String(bootLimitMs / 1000)];
    const stdio = ["pipe", "pipe", "ignore"] as const;
    const inGuest = execFileSync(process.execPath, words, { input, encoding: "utf8", stdio: [...stdio] });
    expect(inGuest).toBe(onHost);
  });

  test("that is a script has its commands, however many they are, and what these are loaded with", async () => {
    const script = join(scratch, "commands.sh");
    const others =
      "cat cp mv ln rm mkdir rmdir touch chmod chown head tail wc sort uniq cut tr tee date env id expr seq sleep stat nice nohup paste join comm fold split";
    const other = join(scratch, "other.sh");
    const dumper = "perl -MData::Dumper -e 'print Dumper([1])'";
    const lines = ["ls -d /etc | sed s/etc/found/", `for each in ${others}`, "do command -v $each", "done"];
    await writeFile(script, ["#!/bin/sh", ...lines, dumper, `exec ${other}`, ""].join("\n"));
    await writeFile(other, "#!/bin/bash\necho $BASH_VERSION | cut -c 1-3\n");
    for (const path of [script, other]) await chmod(path, 0o755);
    const onHost = execFileSync(script, { encoding: "utf8" });
    const imagePath = join(scratch, `commands-${mode}.elf`);
    await buildImage({ program: script, name: "commands", mode }, imagePath);
    const { output, exitStatus } = await bootImage({ imagePath }, bootLimitMs);
    expect({ output, exitStatus }).toEqual({ output: onHost, exitStatus: 0 });
  });

  test("finds files as old as they are on the host, in each boot", async () => {
    const dated = join(scratch, "dated");
    await writeFile(dated, "x");
    await utimes(dated, 1_234_567_890, 1_234_567_890);
    const files = { include: { "/etc/dated": dated } };
    for (let boot = 0; boot < 2; boot++) {
      expect(await answers(["/etc/dated"], { name: "dated", files })).toEqual({
        "/etc/dated": "1234567890 2009",
      });
    }
  });

  test("keeps attributes of users and access control lists in memory and on a disk, which is its own and empty", async () => {
    const owner = { user: "nobody", name: "owner" };
    const disk = { "/data": { file: join(scratch, `disk-${mode}`), size: "8M" } };
    const attachments = { volumes: {}, disks: disk };
    const questions = ["attribute=/tmp", "attribute=/data", "acl=/data", "/data", "/data/lost+found"];
    expect(await answers(questions, { ...owner, run: { disks: disk } }, { attachments })).toEqual({
      "attribute=/tmp": "Operation not permitted",
      "attribute=/data": "1234",
      "acl=/data": "44",
      // Its group has what the mask of the list has.
      "/data": "40775 65534:65534",
      "/data/lost+found": "No such file or directory",
    });
    expect(await answers(["attribute=/etc", "acl=/etc"])).toEqual({
      "attribute=/etc": "1234",
      "acl=/etc": "44",
    });
  });

  test("may call the vsyscall page", async () => {
    expect(await answers(["vsyscall"])).toEqual({ vsyscall: "now" });
  });

  test("may have 2000 threads in 128 MiB", async () => {
    expect(await answers(["threads=2000"])).toEqual({ "threads=2000": "2000" });
  });

  test("that is no root's listens below 1024 and pings, as with Docker", async () => {
    const found = await answers(["bind=80", "home"], { name: "user", user: "1000" });
    expect(found).toEqual({ "bind=80": "1000 listens pings", home: "/" });
    const known = await answers(["home"], { name: "known", user: "nobody" });
    expect(known["home"]).toBe(
      execFileSync("getent", ["passwd", "nobody"], { encoding: "utf8" }).split(":")[5],
    );
  });

  test("finds other random numbers in each boot, with counted instructions too", async () => {
    const numbers = new Set<string | undefined>();
    for (const instructionCount of [false, true, true]) {
      numbers.add((await answers(["random"], {}, { instructionCount }))["random"]);
    }
    expect(numbers.size).toBe(3);
  });

  test("has the host's time of day", async () => {
    await answers(["clock"]);
    const imagePath = join(scratch, `asker-${mode}.elf`);
    for (let boot = 0; boot < 3; boot++) {
      const beginMs = Date.now();
      const { output } = await bootImage({ imagePath, args: ["clock"], net: "none" }, bootLimitMs);
      const guestMs = Number(/^clock: (\d+)$/m.exec(output)?.[1]);
      expect(guestMs).toBeGreaterThanOrEqual(beginMs);
      expect(guestMs).toBeLessThanOrEqual(Date.now());
    }
  });

  test("is told where RDTSC cannot be made to fault, which is in ring 0", async () => {
    const counter = mode === "unikernel" ? "Invalid argument, enabled" : "faults";
    expect(await answers(["counter"])).toEqual({ counter });
  });
});
