// SPDX-License-Identifier: MIT
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OpenedFilesReader } from "../src/inspect/trace-files.js";
import { ukl } from "./support/cli.js";

// What is in /tmp is nobody's to miss.
const directory = mkdtempSync("/var/tmp/ukl-missing-");
const at = (name: string) => join(directory, name);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

beforeAll(() => {
  mkdirSync(at("data"));
  for (const name of ["included", "read"]) writeFileSync(at(`data/${name}`), name);
});

test("what a program opens here and its image lacks is told, with who opens it", async () => {
  const script = `read a < ${at("data/included")}; read b < ${at("data/read")}; : > ${at("data/made")}
    read c < /proc/self/stat; read d < ${at("data/absent")}; /bin/cat ${at("data/read")}; s=strace; /usr/bin/$s -V`;
  const include = ["--include", at("data/included")];
  const { stdout, stderr } = await ukl([
    "run",
    "/bin/bash",
    "--missing-files",
    "--json",
    ...include,
    "--",
    "-c",
    script,
  ]);
  const { missing } = JSON.parse(stdout) as { missing: { path: string; by: string }[] };
  expect(missing).toContainEqual({ path: at("data/read"), by: "/bin/bash" });
  expect(missing).toContainEqual({ path: "/usr/bin/strace", by: "/bin/bash" });
  // The script names it as a command, and so brings it.
  expect(missing.filter(({ path }) => path.endsWith("/cat"))).toEqual([]);
  expect(missing.filter(({ path }) => /included|made|absent|proc|libc\.so/.test(path))).toEqual([]);
  expect(stderr).toContain("read");
});

test("calls that are interrupted by another process's are read", () => {
  const reader = new OpenedFilesReader("/bin/p");
  const lines = [
    '10 execve("/usr/bin/env", [], 0x7 /* 1 var */) = 0',
    '10 openat(AT_FDCWD</>, "/lib/x", O_RDONLY) = 3</lib/before>',
    '10 execve("/bin/p", [], 0x7 /* 1 var */) = 0',
    '10 openat(AT_FDCWD</>, "/a", O_RDONLY <unfinished ...>',
    '11 execve("/bin/q", [], 0x7 /* 1 var */ <unfinished ...>',
    "10 <... openat resumed>) = 3</a\\76b>",
    "11 <... execve resumed>) = 0",
    '11 openat(AT_FDCWD</>, "/c", O_RDONLY|O_CREAT, 0644) = 3</c>',
    '11 openat(AT_FDCWD</>, "/d", O_RDONLY) = -1 ENOENT (No such file or directory)',
    '11 openat(AT_FDCWD</>, "/e", O_RDONLY) = 4</e>',
  ];
  for (const line of lines) reader.read(line);
  expect(reader.opened()).toEqual([
    { path: "/a>b", by: "/bin/p" },
    { path: "/bin/p", by: "/usr/bin/env" },
    { path: "/bin/q", by: "/bin/p" },
    { path: "/e", by: "/bin/q" },
  ]);
});
