// SPDX-License-Identifier: MIT
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { mainClassName } from "../../src/projects/class-files.js";
import { commandOf, planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

const java = { java: "echo 'openjdk version \"21.0.4\"' >&2" };
const manifest = (lines: string) =>
  `Manifest-Version: 1.0\r\n${lines}\r\n\r\nName: x\r\nMain-Class: Wrong\r\n`;

/** A jar at `path`, by Python's own writer of zip archives. */
function jar(path: string, text: string): void {
  const parts = make({ "META-INF/MANIFEST.MF": text });
  mkdirSync(dirname(path), { recursive: true });
  execFileSync("/usr/bin/python3", ["-m", "zipfile", "-c", path, "META-INF/"], { cwd: parts });
}

test("a jar is started by its Main-Class, with its class path beside it", async () => {
  onlyPrograms(java);
  const directory = make({ "lib/one.jar": "", "lib/my two.jar": "", "lib/unused.jar": "" });
  // A line has 72 bytes at most, and goes on behind a space.
  jar(
    join(directory, "app.jar"),
    manifest("Main-Class: com.example.\r\n Main\r\nClass-Path: lib/one.jar lib/my%20two.jar lib/absent.jar"),
  );
  const plan = await planOf(directory, "app.jar");
  expect(plan.args).toEqual(["-jar", join(directory, "app.jar")]);
  expect(plan.because).toEqual(["the Main-Class of app.jar: com.example.Main"]);
  expect(plan.runtime?.version).toBe("21.0.4");
  expect(plan.files.flatMap(({ paths }) => paths)).toEqual(
    ["app.jar", "lib/one.jar", "lib/my two.jar"].map((name) => join(directory, name)),
  );
});

test("the jar that a build tool made is started, and others of it are not", async () => {
  onlyPrograms(java);
  const directory = make({ "pom.xml": "", "config/x.properties": "", "src/A.java": "" });
  jar(join(directory, "target/app-1.0.jar"), manifest("Main-Class: A"));
  jar(join(directory, "target/original-app-1.0.jar"), manifest("Main-Class: A"));
  jar(join(directory, "target/library.jar"), manifest("Created-By: nobody"));
  expect(await commandOf(directory)).toEqual(["-jar", "./target/app-1.0.jar"]);
  const { files } = await planOf(directory);
  expect(files.flatMap(({ paths }) => paths)).toEqual(
    ["target/app-1.0.jar", "config"].map((name) => join(directory, name)),
  );
});

test("what is unpacked of a jar is started as its manifest says", async () => {
  onlyPrograms(java);
  const directory = make({ "META-INF/MANIFEST.MF": manifest("Main-Class: org.example.Loader") });
  expect(await commandOf(directory)).toEqual(["-cp", ".", "org.example.Loader"]);
});

interface Method {
  readonly name: string;
  readonly type: string;
  readonly flags: number;
}

/** A class file without code, by the Java Virtual Machine Specification, 4.1. */
function classFile(name: string, methods: readonly Method[]): Buffer {
  const u2 = (value: number) => Buffer.from([value >> 8, value & 255]);
  const utf8 = (text: string) => Buffer.concat([Buffer.from([1]), u2(text.length), Buffer.from(text)]);
  const constants = [
    utf8(name),
    Buffer.from([7, 0, 1]),
    // A long takes two places.
    Buffer.from([5, 0, 0, 0, 0, 0, 0, 0, 1]),
    ...methods.flatMap((method) => [utf8(method.name), utf8(method.type)]),
    utf8("Code"),
  ];
  const code = 5 + 2 * methods.length;
  return Buffer.concat([
    Buffer.from([0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61]),
    u2(constants.length + 2),
    ...constants,
    ...[0x21, 2, 0, 1, 2, 0, methods.length].map(u2),
    ...methods.flatMap(({ flags }, index) => [
      ...[flags, 5 + 2 * index, 6 + 2 * index, 1, code].map(u2),
      Buffer.from([0, 0, 0, 3, 9, 9, 9]),
    ]),
    u2(0),
  ]);
}

const main: Method = { name: "main", type: "([Ljava/lang/String;)V", flags: 0x89 };

test.each<[what: string, methods: readonly Method[], found: boolean]>([
  ["main", [{ ...main, name: "<init>", flags: 1 }, main], true],
  ["main of an object", [{ ...main, flags: 1 }], false],
  ["main for its package alone", [{ ...main, flags: 8 }], false],
  ["main of one text", [{ ...main, type: "(Ljava/lang/String;)V" }], false],
  ["no method", [], false],
])("a class with %s", (_, methods, found) => {
  expect(mainClassName(classFile("a/B", methods))).toBe(found ? "a/B" : undefined);
});

test("no beginning of a class file is taken for one", () => {
  const whole = classFile("a/B", [main]);
  for (let length = 0; length < whole.length; length++)
    expect(mainClassName(whole.subarray(0, length)), `${length} bytes`).toBeUndefined();
});

test("the one class with a main method is started, from where its package is", async () => {
  onlyPrograms(java);
  const directory = make({ "lib/x.jar": "", "src/a/B.java": "" });
  mkdirSync(join(directory, "target/classes/a"), { recursive: true });
  writeFileSync(join(directory, "target/classes/a/B.class"), classFile("a/B", [main]));
  writeFileSync(join(directory, "target/classes/a/C.class"), classFile("a/C", []));
  // A class that is not where its package says cannot be loaded.
  writeFileSync(join(directory, "target/classes/Moved.class"), classFile("x/Moved", [main]));
  expect(await commandOf(directory)).toEqual(["-cp", "./target/classes:./lib/*", "a.B"]);
});

test("several classes with main methods are several ways to start it", async () => {
  const directory = make({});
  writeFileSync(join(directory, "A.class"), classFile("A", [main]));
  writeFileSync(join(directory, "B.class"), classFile("B", [main]));
  const [code, cause] = await refusal(directory);
  expect(code).toBe("UKL-241");
  expect(cause).toMatch(/class A has .*class B has /);
});

test("one of several classes is named by its file, below where its package begins", async () => {
  onlyPrograms(java);
  const directory = make({ "out/a/x.txt": "", "out/moved/x.txt": "" });
  writeFileSync(join(directory, "out/a/B.class"), classFile("a/B", [main]));
  writeFileSync(join(directory, "out/a/C.class"), classFile("a/C", []));
  writeFileSync(join(directory, "out/moved/B.class"), classFile("a/B", [main]));
  expect(await commandOf(directory, "out/a/B.class")).toEqual(["-cp", "./out", "a.B"]);
  expect((await refusal(directory, "out/a/C.class")).slice(0, 2)).toEqual([
    "UKL-242",
    "it has no public static main method",
  ]);
  expect((await refusal(directory, "out/moved/B.class")).slice(0, 2)).toEqual([
    "UKL-242",
    "a/B.class is its name, with directories",
  ]);
});

test("what cannot be started says why", async () => {
  const directory = make({ "text.jar": "this is no archive" });
  jar(join(directory, "library.jar"), manifest("Created-By: nobody"));
  jar(join(directory, "half.jar"), manifest("Main-Class: A"));
  jar(join(directory, "huge.jar"), " ".repeat(17 << 20));
  truncateSync(join(directory, "half.jar"), readFileSync(join(directory, "half.jar")).length - 30);
  for (const [name, cause] of [
    ["library.jar", /library\.jar: its manifest names no Main-Class/],
    ["text.jar", /text\.jar: it is no archive that can be read/],
    ["huge.jar", /huge\.jar: .*META-INF\/MANIFEST\.MF in it has 17825792 bytes/],
    ["half.jar", /half\.jar: it is no archive that can be read/],
  ] as const)
    expect(await refusal(directory, name)).toEqual([
      "UKL-242",
      expect.stringMatching(cause),
      expect.stringMatching(/name the jar/),
    ]);
});

test("a project that was not built says by what it is", async () => {
  const directory = make({ "pom.xml": "<project/>", "src/main/java/A.java": "" });
  expect(await refusal(directory)).toEqual([
    "UKL-242",
    "there is pom.xml, and nothing that was built from it",
    `run 'mvn package' in ${directory}`,
  ]);
});

test("a machine without Java says how to get it", async () => {
  onlyPrograms({});
  const directory = make({ "META-INF/MANIFEST.MF": manifest("Main-Class: A") });
  const [code, cause, fix] = await refusal(directory);
  expect([code, cause]).toEqual(["UKL-242", "Java executes it, and this machine has no java"]);
  expect(fix).toContain("apt-get install default-jre-headless");
});
