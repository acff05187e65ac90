// SPDX-License-Identifier: MIT
// sqlite3: its own tests of the command line, a session with every command that does something outside of the
// process, a terminal, two that wait for each other's locks, a hot journal.
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

export const workloads = [{ name: "sqlite3", binary: "/usr/bin/sqlite3", run }];

async function run(context) {
  await runSuite(context);
  await runSession(context);
  await runTerminal(context);
  await runTogether(context);
  await runInterrupted(context);
  await runOnce(context);
}

async function runSuite(context) {
  const cwd = join(context.scratch, "tests");
  cpSync(join(context.source("sqlite3"), "test"), cwd, { recursive: true });
  copyFileSync(context.file("sqlite3", "tester.tcl"), join(cwd, "tester.tcl"));
  const tests = readdirSync(cwd).filter((name) => /^shell\d\.test$/.test(name));
  const env = { SQLITE3: context.tracedProgram };
  for (const test of tests) await context.suite("tclsh", [test], { cwd, env, expect: [0, 1] });
}

async function runSession(context) {
  const place = (name) => join(context.scratch, name);
  const source = context.file("sqlite3", "extension.c");
  execFileSync("gcc", ["-shared", "-fPIC", "-o", place("extension.so"), source]);
  mkdirSync(join(context.scratch, "directory", "inner"), { recursive: true });
  writeFileSync(join(context.scratch, "directory", "file"), "text");
  writeFileSync(join(context.scratch, "appended.txt"), "text");
  symlinkSync("directory/file", place("link"));
  const input = readFileSync(context.file("sqlite3", "session.sql"), "utf8");
  const env = { HOME: context.scratch, TMPDIR: context.scratch, EDITOR: "true" };
  writeFileSync(place(".sqliterc"), ".headers on\n");
  await context.trace(["test.db"], { input, env, expect: [0, 1, 3] });
  await context.trace(["again.db", ".read dump.sql"], { expect: [0, 1] });
}

/** Line editing and its history, as far as a terminal is at hand. */
async function runTerminal(context) {
  const input = readFileSync(context.file("sqlite3", "terminal.txt"), "utf8");
  const env = { ...process.env, HOME: context.scratch, TERM: "xterm" };
  const command = `${context.tracedProgram} -interactive terminal.db`;
  await context.suite("script", ["-qec", command, "/dev/null"], { input, env, expect: [0, 1] });
}

/** One holds the lock, and another one waits for it in vain. */
async function runTogether(context) {
  await context.trace(["shared.db", "PRAGMA journal_mode = WAL; CREATE TABLE a (b);"]);
  const input = "BEGIN IMMEDIATE; INSERT INTO a VALUES (1);\n.shell sleep 2\nCOMMIT;\n";
  const holder = context.start(["shared.db"], { input });
  await context.pause(700);
  await context.trace(["-cmd", ".timeout 500", "shared.db", "INSERT INTO a VALUES (2);"], { expect: [5] });
  await context.trace(["shared.db", "SELECT * FROM a;"]);
  await holder.ended();
}

/** What a killed process leaves is rolled back; a signal ends a query. */
async function runInterrupted(context) {
  const many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 90000)";
  const insert = `INSERT INTO a SELECT hex(randomblob(100)) FROM n`;
  await context.trace(["hot.db", `CREATE TABLE a (b); ${many} ${insert};`]);
  await context.client("chmod", ["666", "hot.db"]); // its journal gets the same mode
  const input = `PRAGMA cache_size = 5;\nBEGIN; UPDATE a SET b = 'changed';\n.shell sleep 9\n`;
  const killed = context.start(["hot.db"], { input });
  await context.pause(2500);
  await killed.stop("SIGKILL");
  await context.trace(["hot.db", "SELECT count(*) FROM a;"]);
  const endless = `${many.replace("90000", "-1")} SELECT count(*) FROM n;`;
  const asked = context.start(["hot.db", endless]);
  await context.pause(500);
  await asked.stop("SIGINT");
}

async function runOnce(context) {
  await context.trace(["-version"]);
  await context.trace(["-help"], { expect: [0, 1] });
  await context.trace(["-readonly", "missing.db", "SELECT 1 FROM a"], { expect: [1, 14] });
  await context.trace(["-safe", "test.db", ".shell true"], { expect: [0, 1] });
  await context.trace(["-mmap", "100000", "-vfs", "unix-none", "-zip", "other.zip", "SELECT name FROM zip"], {
    expect: [0, 1],
  });
  await context.trace(["-A", "-cf", "own.sqlar", "points.csv"], { expect: [0, 1] });
  await context.trace(
    ["-pagecache", "4096", "10", "-heap", "1000000", "-unsafe-testing", "test.db", ".tables"],
    {
      expect: [0, 1],
    },
  );
  await context.trace([], { input: "CREATE TABLE t (a); INSERT INTO t VALUES (1); SELECT * FROM t;\n" });
}
