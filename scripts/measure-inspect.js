// SPDX-License-Identifier: MIT
// Prints how long inspections take and how much memory, as docs/inspect-speed.md has it: the fastest of several runs
// for each program, since other work on the machine only adds. Needs `npm run build`. Programs that are not installed
// are said to be absent. Needs GNU time (Debian package `time`).
//
//   --write     writes docs/inspect-speed.md
//   --runs N    how often each is inspected (default 5)
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const programs = [
  ...["/usr/sbin/nginx", "/usr/bin/redis-server", "/usr/bin/sqlite3", "/bin/busybox", "/bin/ls"],
  realpathSync(process.execPath),
];
const ukl = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const document = new URL("../docs/inspect-speed.md", import.meta.url);
const { values: flags } = parseArgs({
  options: { write: { type: "boolean", default: false }, runs: { type: "string", default: "5" } },
});
const cacheHome = mkdtempSync(join(tmpdir(), "ukl-measure-"));

const header = [
  "program",
  "size",
  "cold",
  "of it loading code",
  "warm",
  "whole command, warm",
  "peak memory",
];
const rows = programs.map((program) => (existsSync(program) ? measure(program) : [program, "absent"]));
rmSync(cacheHome, { recursive: true, force: true });
const nodeStart = Math.min(...repeat(() => timed(process.execPath, ["-e", "0"]).wallMs));
const table = [header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |\n`).join("");
const text = `# How long an inspection takes

Written by \`node scripts/measure-inspect.js --write\`: the fastest of ${flags.runs} runs, one process, without the start of
Node, which is ${nodeStart} ms here. *Cold* knows nothing of the program, *warm* has inspected it before.

${table}`;
process.stdout.write(text);
if (flags.write) writeFileSync(document, text);

function measure(program) {
  const cold = repeat(() => inspect(program, ["--no-cache"]));
  inspect(program, []);
  const warm = repeat(() => inspect(program, []));
  const least = (runs, of) => Math.min(...runs.map(of));
  const size = Number(execFileSync("stat", ["-L", "-c", "%s", program], { encoding: "utf8" }));
  return [
    program.split("/").at(-1),
    `${(size / 1e6).toFixed(1)} MB`,
    `${least(cold, (run) => run.timingsMs.total)} ms`,
    `${least(cold, (run) => run.timingsMs.modules)} ms`,
    `${least(warm, (run) => run.timingsMs.total)} ms`,
    `${least(warm, (run) => run.wallMs)} ms`,
    `${Math.max(...cold.map((run) => run.peakMb))} MB`,
  ];
}

function repeat(run) {
  return Array.from({ length: Number(flags.runs) }, run);
}

function inspect(program, options) {
  const { stdout, wallMs, peakMb } = timed(process.execPath, [ukl, "inspect", program, "--json", ...options]);
  return { timingsMs: JSON.parse(stdout).timingsMs, wallMs, peakMb };
}

/** Runs a command under GNU time, for the memory. */
function timed(tool, args) {
  const start = performance.now();
  const { stdout, stderr, status } = spawnSync("/usr/bin/time", ["-f", "%M", tool, ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, XDG_CACHE_HOME: cacheHome },
  });
  if (status !== 0) throw new Error(`${tool} ${args.join(" ")}: ${stderr}`);
  const peakMb = Math.round(Number(stderr.trim().split("\n").at(-1)) / 1024);
  return { stdout, wallMs: Math.round(performance.now() - start), peakMb };
}
