// SPDX-License-Identifier: MIT
// Runs test/programs, whose programs are more than the other tests need: what is missing is asked of apt, as root or
// through sudo. With --write the result of each program becomes docs/programs.md; words are names of test files.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { install, version } from "./packages.js";

const own = (path) => fileURLToPath(new URL(path, import.meta.url));
const packages = JSON.parse(readFileSync(own("../test/programs/packages.json"), "utf8"));
const modes = ["unikernel", "classic"];
const { values: flags, positionals: files } = parseArgs({
  options: { write: { type: "boolean", default: false } },
  allowPositionals: true,
});

// Node's own program is tested, wherever it is from.
const wanted = new Set(Object.values(packages).flat());
wanted.delete("nodejs");
install([...wanted]);
if (files.length === 0) rmSync(own("../test-results/programs"), { recursive: true, force: true });
const { status } = spawnSync("npx", ["vitest", "run", "--project", "programs", ...files], {
  cwd: own(".."),
  stdio: "inherit",
});
process.exitCode = status ?? 1;
if (flags.write) writeFileSync(own("../docs/programs.md"), page());

function page() {
  const header = ["program", "version", "what it does", ...modes];
  const lines = [header, header.map(() => "---"), ...Object.entries(packages).map(row)];
  return `# Programs

What programs as Debian ships them, and programs that a compiler of Debian has made just now, do in a guest, each with a
real client or its own work. Written by \`npm run test:programs -- --write\`, from what the tests saw.

${lines.map((line) => `| ${line.join(" | ")} |\n`).join("")}`;
}

function row([program, [first]]) {
  const results = modes.map((mode) => result(program, mode));
  const known = first === "nodejs" ? process.versions.node : version(first);
  const verdicts = results.map((one) => (one === undefined ? "not run" : one.passed ? "works" : "fails"));
  return [program, known ?? "absent", results.find((one) => one !== undefined)?.workload ?? "", ...verdicts];
}

function result(program, mode) {
  const file = own(`../test-results/programs/${program.replaceAll(/\W+/g, "-")}-${mode}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}
