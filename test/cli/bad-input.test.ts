// SPDX-License-Identifier: MIT
/**
 * What a user can get wrong, through the command line: each ends with its own permanent code, a cause and a
 * remedy, the exit code of its kind, and no file where the image would be. None of it needs a kernel.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CliOptions, inMountNamespace, ukl } from "../support/cli.js";
import { writeLayout } from "../targets/layout.js";

let directory: string;
let executable: Buffer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ukl-bad-"));
  await writeFile(join(directory, "main.c"), "__thread int t = 1;\nint main(void) { return t - 1; }\n");
  execFileSync("gcc", ["-static", "-o", "good", "main.c"], { cwd: directory });
  executable = await readFile(join(directory, "good"));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

interface Failure {
  readonly code: string;
  readonly exit: number;
  readonly says: RegExp;
}

/** Builds, and expects the failure, and nothing left behind. */
async function expectFailure(
  args: readonly string[],
  failure: Failure,
  options: CliOptions = {},
): Promise<void> {
  const { exitStatus, stdout, stderr } = await ukl(["build", ...args, "-o", "out/image.elf"], {
    cwd: directory,
    ...options,
  });
  expect(stderr).toMatch(
    new RegExp(`^error\\[${failure.code}\\]: .+\n  cause: [\\s\\S]+\n  fix: .+\n$`, "m"),
  );
  expect(stderr).toMatch(failure.says);
  expect(exitStatus).toBe(failure.exit);
  expect(stdout).toBe("");
  expect(existsSync(join(directory, "out")) ? await readdir(join(directory, "out")) : []).toEqual([]);
}

async function program(name: string, bytes: Uint8Array): Promise<string> {
  await writeFile(join(directory, name), bytes);
  return name;
}

/** A copy of the executable with some bytes replaced. */
function patched(offset: number, bytes: readonly number[]): Buffer {
  const copy = Buffer.from(executable);
  copy.set(bytes, offset);
  return copy;
}

/** Offset of the program header of a type (gABI, "Program Header"). */
function programHeader(type: number): number {
  const table = Number(executable.readBigUInt64LE(32));
  const count = executable.readUInt16LE(56);
  for (let index = 0; index < count; index++) {
    if (executable.readUInt32LE(table + index * 56) === type) return table + index * 56;
  }
  throw new Error(`no program header of type ${type}`);
}

describe("a program that", () => {
  test("does not exist", () => expectFailure(["missing"], { code: "UKL-201", exit: 65, says: /missing/ }));

  test("is not ELF", async () =>
    expectFailure([await program("text", Buffer.from("int main(void);\n"))], {
      code: "UKL-202",
      exit: 65,
      says: /text/,
    }));

  test.each([10, 63, 64, 100])("is cut off after %i bytes", async (length) =>
    expectFailure([await program("cut", executable.subarray(0, length))], {
      code: "UKL-203",
      exit: 65,
      says: /cut/,
    }),
  );

  test("is 32-bit", async () =>
    expectFailure(
      [
        await program(
          "class32",
          Buffer.concat([patched(4, [1]).subarray(0, 18), Buffer.from([3, 0]), executable.subarray(20)]),
        ),
      ],
      { code: "UKL-204", exit: 65, says: /32/ },
    ));

  test("is for another machine", async () =>
    expectFailure([await program("aarch64", patched(18, [183, 0]))], {
      code: "UKL-205",
      exit: 65,
      says: /183|machine/,
    }));

  test("has a segment past its end", async () =>
    expectFailure([await program("past", patched(programHeader(1) + 32, [0, 0, 0, 0, 1, 0, 0, 0]))], {
      code: "UKL-206",
      exit: 65,
      says: /past/,
    }));

  test("is a core dump", async () =>
    expectFailure([await program("core", patched(16, [4, 0]))], { code: "UKL-207", exit: 65, says: /core/ }));

  test.each(["nobody-we-know", "root:no-group"])("is to run as %s", (user) =>
    expectFailure(["good", "-u", user], {
      code: "UKL-114",
      exit: 78,
      says: new RegExp(user.split(":").at(-1) ?? ""),
    }),
  );

  test("is a shared library", async () => {
    execFileSync("gcc", ["-shared", "-fPIC", "-o", "library", "main.c"], { cwd: directory });
    await expectFailure(["library"], { code: "UKL-210", exit: 65, says: /shared-library/ });
  });

  test("lacks a library that it needs", async () => {
    await writeFile(join(directory, "lib.c"), "int one(void) { return 1; }\n");
    await writeFile(join(directory, "uses.c"), "int one(void);\nint main(void) { return one(); }\n");
    execFileSync("gcc", ["-shared", "-fPIC", "-o", "libone.so", "lib.c"], { cwd: directory });
    execFileSync("gcc", ["-o", "uses", "uses.c", "./libone.so"], { cwd: directory });
    await rm(join(directory, "libone.so"));
    await expectFailure(["uses"], { code: "UKL-225", exit: 65, says: /libone\.so/ });
  });
});

describe("what is for another machine", () => {
  const cause = { code: "UKL-205", exit: 65, says: /183 \(AArch64\)/ };

  test.each(["inspect", "stubs", "run"])("is not taken by ukl %s", async (command) => {
    const path = await program("aarch64", patched(18, [183, 0]));
    const output = command === "stubs" ? ["-o", "out"] : [];
    const { exitStatus, stdout, stderr } = await ukl([command, `./${path}`, ...output], { cwd: directory });
    expect(stderr).toMatch(/^error\[UKL-205\]: .*aarch64.*\n {2}cause: .*183 \(AArch64\)/m);
    expect({ exitStatus, stdout, isWritten: existsSync(join(directory, "out")) }).toEqual({
      exitStatus: 65,
      stdout: "",
      isWritten: false,
    });
  });

  test("is not included as a program", async () => {
    const path = await program("aarch64", patched(18, [183, 0]));
    await chmod(join(directory, path), 0o755);
    await expectFailure(["good", "--include", `/bin/helper=${path}`], cause);
  });

  test("is not the program of a container", async () => {
    const config = { Entrypoint: ["/app"] };
    const layers = [[{ name: "app", mode: 0o755, data: patched(18, [183, 0]) }]];
    const target = await writeLayout(join(directory, "foreign-program"), { config, layers });
    await expectFailure([`oci:${target}`], cause);
  });

  test("is not a container", async () => {
    const config = { Entrypoint: ["/app"] };
    const layers = [[{ name: "app", mode: 0o755, data: executable }]];
    const target = await writeLayout(join(directory, "foreign"), { config, layers, architecture: "arm64" });
    await expectFailure([`oci:${target}`], { code: "UKL-232", exit: 65, says: /linux\/arm64/ });
  });
});

describe("a script", () => {
  test.each([
    ["whose interpreter is absent", "#!/opt/none/bin/tool\n", /\/opt\/none\/bin\/tool/],
    ["whose interpreter env does not find", "#!/usr/bin/env no-such-tool\n", /no-such-tool/],
  ])("%s", async (_, text, says) => {
    await expectFailure([await program("script", Buffer.from(text))], { code: "UKL-226", exit: 65, says });
  });
});

describe("a mask that", () => {
  const mask = (says: RegExp, ...args: string[]) =>
    expectFailure(["good", ...args], { code: "UKL-113", exit: 78, says });

  test("names a call that does not exist", () =>
    mask(/'wriet'[\s\S]+did you mean write/, "--mask-call", "wriet=kill"));

  test("hides what the start-up needs", () =>
    mask(/hides arch_prctl[\s\S]+_start → [\s\S]+arch_prctl=allow/, "--mask-call", "arch_prctl=kill"));

  test("comes from a list without what the start-up needs", async () => {
    await writeFile(join(directory, "calls.json"), '["write", "arch_prctl", "exit_group"]');
    await mask(/hides brk/, "--mask-from", "calls.json");
  });

  test("comes from a file that is no list", () => mask(/no list of system calls/, "--mask-from", "good"));

  test("has a policy that does not exist", () =>
    expectFailure(["good", "--mask", "deny"], { code: "UKL-101", exit: 64, says: /enosys/ }));

  test("has a policy for one call that does not exist", () =>
    expectFailure(["good", "--mask-call", "ptrace=kil"], {
      code: "UKL-101",
      exit: 64,
      says: /mask\.calls\.ptrace[\s\S]+did you mean "kill"/,
    }));
});

describe("sources that", () => {
  const source = async (name: string, text: string): Promise<string> => {
    await writeFile(join(directory, name), text);
    return name;
  };

  test("do not compile", async () =>
    expectFailure([await source("syntax.c", "int main(void) { return 0 }\n")], {
      code: "UKL-223",
      exit: 65,
      says: /syntax\.c:1:.*expected ';'/,
    }));

  test("leave a symbol undefined, which is named with the object that wants it", async () =>
    expectFailure(
      ["main.c", await source("calls.c", "int nobody(void);\nint call(void) { return nobody(); }\n")],
      {
        code: "UKL-220",
        exit: 65,
        says: /'nobody' is wanted by calls\.c/,
      },
    ));

  test("define a symbol twice", async () =>
    expectFailure(["main.c", await source("twin.c", "int main(void) { return 1; }\n")], {
      code: "UKL-221",
      exit: 65,
      says: /'main' is defined in main\.c and again in twin\.c/,
    }));

  test("want a library that is not there", () =>
    expectFailure(["main.c", "-l", "nowhere"], { code: "UKL-222", exit: 65, says: /-lnowhere/ }));

  test("do not bind to a kernel function of the same name", async () =>
    expectFailure(
      [await source("kernel.c", "long schedule(void);\nint main(void) { return schedule(); }\n")],
      {
        code: "UKL-220",
        exit: 65,
        says: /'schedule' is wanted by kernel\.c[\s\S]*--kernel-symbol/,
      },
    ));
});

describe("a configuration with", () => {
  test("a misspelt option in TypeScript", async () => {
    const text =
      'import { defineConfig } from "uklkit";\nexport default defineConfig({ inputs: ["main.c"], agrs: ["x"] });\n';
    await writeFile(join(directory, "typo.config.ts"), text);
    await expectFailure(["--config", "typo.config.ts"], {
      code: "UKL-111",
      exit: 78,
      says: /typo\.config\.ts:2:\d+.*agrs/,
    });
  });

  test("a misspelt option in JSON", async () => {
    await writeFile(
      join(directory, "typo.config.json"),
      '{\n  "inputs": ["main.c"],\n  "mdoe": "classic"\n}\n',
    );
    await expectFailure(["--config", "typo.config.json"], {
      code: "UKL-112",
      exit: 78,
      says: /typo\.config\.json:3:3.*did you mean "mode"/,
    });
  });

  test("no target at all", () => expectFailure([], { code: "UKL-101", exit: 64, says: /nothing to build/ }));
});

describe("a host where", () => {
  test("a needed tool is missing", async () => {
    await mkdir(join(directory, "empty"), { recursive: true });
    await expectFailure(
      ["main.c"],
      { code: "UKL-401", exit: 69, says: /gcc is not installed[\s\S]*doctor --fix/ },
      {
        env: { PATH: join(directory, "empty") },
      },
    );
  });

  test("the kernel source is of another version", async () => {
    await fakeKernel("linux-5.10", 5, 10);
    await expectFailure(
      ["main.c", "--kernel-source", "linux-5.10"],
      {
        code: "UKL-302",
        exit: 65,
        says: /it is Linux 5\.10\.0/,
      },
      ownCache("other-version"),
    );
  });

  test("a kernel patch does not apply", async () => {
    await fakeKernel("linux-6.12", 6, 12);
    await expectFailure(
      ["main.c", "--kernel-source", "linux-6.12"],
      {
        code: "UKL-303",
        exit: 65,
        says: /0001-.*\.patch does not apply/,
      },
      ownCache("no-patch"),
    );
  });

  test("there is no kernel source, and which options its kernel would have is told before", async () => {
    const args = ["build", "main.c", "--explain-kernel", "--kernel-source", "nowhere", "-o", "out/image.elf"];
    const { stdout, stderr } = await ukl(args, { cwd: directory, ...ownCache("no-source") });
    expect(stderr).toMatch(/^error\[UKL-301\]/m);
    expect(stdout).toMatch(/^CONFIG_BINFMT_ELF=y$/m);
    // Functions are said to be of what the user calls the application.
    expect(stdout).toMatch(/ main:_start → main:__libc_start_main/);
  });

  test("there is no kernel source", () =>
    expectFailure(["main.c", "--kernel-source", "nowhere"], { code: "UKL-301", exit: 69, says: /nowhere/ }));

  test("the cache is read-only", async () => {
    await mkdir(join(directory, "read-only"), { recursive: true });
    const mount = `mount -t tmpfs -o ro none '${join(directory, "read-only")}'`;
    await expectFailure(
      ["main.c"],
      { code: "UKL-306", exit: 69, says: /XDG_CACHE_HOME/ },
      {
        ...ownCache("read-only"),
        under: inMountNamespace(mount),
      },
    );
  });

  test("the disk is full", async () => {
    await mkdir(join(directory, "full"), { recursive: true });
    const mount = `mount -t tmpfs -o size=64k none '${join(directory, "full")}'`;
    await expectFailure(
      ["main.c"],
      { code: "UKL-402", exit: 69, says: /space/ },
      {
        env: { TMPDIR: join(directory, "full") },
        under: inMountNamespace(mount),
      },
    );
  });
});

/** A kernel tree that has a version and nothing to patch. */
async function fakeKernel(name: string, version: number, patchlevel: number): Promise<void> {
  await mkdir(join(directory, name), { recursive: true });
  const makefile = `VERSION = ${version}\nPATCHLEVEL = ${patchlevel}\nSUBLEVEL = 0\n`;
  await writeFile(join(directory, name, "Makefile"), makefile);
  await copyFile(join(directory, "main.c"), join(directory, name, "main.c"));
}

function ownCache(name: string): CliOptions {
  return { env: { XDG_CACHE_HOME: join(directory, name) } };
}

/** The mount is seen by this one command alone, and is gone with it. */
