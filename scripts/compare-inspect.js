// SPDX-License-Identifier: MIT
// Compares the system calls that `ukl inspect` predicts with those that real programs make under strace, and fails
// when one was seen that was not predicted. Each workload runs three times; the union counts. Needs `npm run build`,
// and the sources of some packages, which apt fetches into the cache.
//
//   --only a,b          these programs, or all of a file of scripts/workloads/
//   --write             writes docs/inspect-comparison.md
//   --verbose           names what was predicted and not seen
//   --trace-cache DIR   keeps the traces, and uses those that are there
//   --inspect-from DIR  reads DIR/NAME.json in place of inspecting
//   --rounds N          runs each workload N times
//   --trace-only        stops after tracing
//   --install           installs the packages first, without starting their services
import { execFile, execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { readCachedTrace, writeCachedTrace } from "./workloads/support/cache.js";
import { runUnderStrace } from "./workloads/support/run.js";
import { falseNegatives, formatTable, score } from "./workloads/support/score.js";

const inspectLimitMs = 120_000;
const folder = new URL("workloads/", import.meta.url);
const ukl = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const document = new URL("../docs/inspect-comparison.md", import.meta.url);

const { values: flags } = parseArgs({
  options: {
    only: { type: "string" },
    write: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
    install: { type: "boolean", default: false },
    "trace-only": { type: "boolean", default: false },
    "trace-cache": { type: "string" },
    "inspect-from": { type: "string" },
    rounds: { type: "string", default: "3" },
  },
});

if (flags.install) installPackages();
const directory = resolve(flags["trace-cache"] ?? mkdtempSync(join(tmpdir(), "ukl-compare-")));
try {
  await compareAll(await selectWorkloads());
} finally {
  if (flags["trace-cache"] === undefined) rmSync(directory, { recursive: true, force: true });
}

async function compareAll(selected) {
  mkdirSync(join(directory, "bin"), { recursive: true });
  const scores = [];
  const failures = [];
  for (const workload of selected) {
    try {
      const program = { ...workload, ...workload.prepare?.(join(directory, "bin")) };
      const seen = await traced(program);
      if (!flags["trace-only"]) scores.push(score(program.name, await inspect(program), seen));
    } catch (error) {
      failures.push(`${workload.name}: ${error.message}`);
    }
  }
  report(scores, failures);
}

function report(scores, failures) {
  const table = formatTable(scores);
  if (!flags["trace-only"]) process.stdout.write(table);
  if (flags.verbose) {
    for (const { name, all, main } of scores) {
      const line = (what, part) => `${name}, ${what}: ${part?.falsePositives.join(" ") || "none"}\n`;
      process.stdout.write(line("predicted and not seen", all));
      process.stdout.write(line("the same after main", main));
    }
  }
  if (flags.write) writeFileSync(document, describe(table));
  for (const failure of failures) process.stderr.write(`${failure}\n`);
  if (failures.length > 0 || scores.some((row) => falseNegatives(row).length > 0)) process.exitCode = 1;
}

/** The union of the rounds. */
async function traced(program) {
  const cached = readCachedTrace(directory, program);
  if (cached !== undefined) return cached;
  const union = { all: new Set(), main: new Set() };
  for (let round = 0; round < Number(flags.rounds); round++) {
    process.stderr.write(`tracing ${program.name}, ${round + 1} of ${flags.rounds}\n`);
    const marking = isDynamic(program.binary) ? markingLibrary() : undefined;
    const seen = await runUnderStrace(program, marking, join(directory, "sources"));
    for (const name of seen.all) union.all.add(name);
    for (const name of seen.main) union.main.add(name);
    if (!seen.marked) union.main = undefined;
    if (!seen.marked && isDynamic(program.binary))
      throw new Error("the trace does not show where main begins");
  }
  writeCachedTrace(directory, program, union);
  return union;
}

async function inspect({ name, binary }) {
  const from = flags["inspect-from"];
  if (from !== undefined) return JSON.parse(readFileSync(join(from, `${name}.json`), "utf8"));
  const limits = { timeout: inspectLimitMs, maxBuffer: 1 << 28 };
  const args = [ukl, "inspect", "--no-cache", binary, "--json"];
  return JSON.parse((await promisify(execFile)(process.execPath, args, limits)).stdout);
}

async function selectWorkloads() {
  const wanted = new Set(flags.only?.split(","));
  const selected = [];
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".js"))) {
    const { workloads } = await import(new URL(file, folder).href);
    const group = file.replace(/\.js$/, "");
    const isWanted = ({ name }) => wanted.size === 0 || wanted.has(name) || wanted.has(group);
    selected.push(...workloads.filter(isWanted));
  }
  if (selected.length === 0) throw new Error(`there is no workload ${flags.only}`);
  return selected;
}

function isDynamic(binary) {
  return execFileSync("readelf", ["-lW", binary], { encoding: "utf8" }).includes("INTERP");
}

function markingLibrary() {
  const library = join(directory, "bin", "marker.so");
  const source = fileURLToPath(new URL("support/marker.c", folder));
  if (!existsSync(library)) execFileSync("gcc", ["-O2", "-shared", "-fPIC", "-o", library, source]);
  return library;
}

/** Debian starts a service when its package is installed, unless policy-rc.d forbids it. */
function installPackages() {
  const list = readFileSync(new URL("packages.txt", folder), "utf8").split("\n");
  const packages = list.filter((line) => line !== "" && !line.startsWith("#"));
  const policy = "/usr/sbin/policy-rc.d";
  const isOurs = !existsSync(policy);
  if (isOurs) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const args = ["install", "-y", "--no-install-recommends", ...packages];
    execFileSync("apt-get", args, { env, stdio: "inherit" });
  } finally {
    if (isOurs) rmSync(policy);
  }
}

function describe(table) {
  return `# Predicted and seen system calls

Written by \`node scripts/compare-inspect.js --write\`. Each program is used as its users do
(\`scripts/workloads/\`) under \`strace -f\`, three times; what any of its own processes called is *seen*. *Predicted*
is what \`ukl inspect\` lists of the same file on the same machine. A call that was seen and not predicted is a
defect. Precision is bound by what a workload reaches: a call that was not seen may still be possible. So redis-server,
memcached, lighttpd, haproxy and sqlite3 also go through the test suites of their upstream sources, which start the
installed binary; nginx, whose tests are not in its source, through every module of its package.

The first five figures count everything from the first instruction on. Those after main count what was called after
\`main\` was entered, against what has the layer \`main\`: name services, the loader at work in a running program, and what
stands in for the vDSO can be switched off, and are counted apart. A call that only they predict counts on neither
side there. Dynamic programs are marked by a preloaded library, static ones by a second link; what came without a C
\`main\` or its source is not marked (–).

${table}`;
}
