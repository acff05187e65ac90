// SPDX-License-Identifier: MIT
// Writes docs/bench.md from docs/bench/*.json, the reports of `ukl bench --json`. With names of targets it measures
// those first: npm run bench:docs -- hello redis-server nginx. What follows -- goes to `ukl bench`.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hostTitle } from "../dist/bench/figures.js";
import { parseReport } from "../dist/bench/schema.js";
import { formatMarkdown } from "../dist/bench/text.js";

const ukl = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const folder = new URL("../docs/bench/", import.meta.url);
/** System calls cost the same whatever else is measured: once is enough. */
const besideCalls = ["size", "boot", "memory", "server"].flatMap((part) => ["--part", part]);
const targets = {
  hello: [],
  "redis-server": ["redis-server", ...besideCalls],
  nginx: ["nginx", ...besideCalls],
};

const words = process.argv.slice(2);
const separator = words.indexOf("--");
const named = separator < 0 ? words : words.slice(0, separator);
const flags = separator < 0 ? [] : words.slice(separator + 1);
mkdirSync(folder, { recursive: true });
for (const name of named) {
  if (targets[name] === undefined) throw new Error(`'${name}' is none of ${Object.keys(targets).join(", ")}`);
  process.stderr.write(`${name}\n`);
  const stdio = ["ignore", "pipe", "inherit"];
  const args = [ukl, "bench", ...targets[name], "--json", ...flags];
  writeFileSync(new URL(`${name}.json`, folder), execFileSync(process.execPath, args, { stdio }));
}

const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
const reports = Object.keys(targets)
  .filter((name) => files.includes(`${name}.json`))
  .map((name) => parseReport(readFileSync(new URL(`${name}.json`, folder), "utf8")));
const list = (items) => items.map((item) => `- ${item}\n`).join("");
const hosts = reports.map((report) => `${report.target}: ${hostTitle(report)}.`);
const notes = [...new Set([...hosts, ...reports.flatMap((report) => report.notes)])];

const pipe = { target: "hello", metric: "write and read of 1 byte on a pipe" };
const request = { target: "redis-server", metric: "each GET, one client, whole guest" };
/** Of the figures that were asked for, beside those that came out. */
const asked = [
  { target: "hello", metric: "null (getppid)", variant: "unikernel", aim: "60" },
  { ...pipe, variant: "unikernel", aim: "20 % less" },
  { ...pipe, variant: "shortcuts", aim: "40 % less" },
  { ...request, variant: "unikernel", aim: "3 % less" },
  { ...request, variant: "shortcuts", aim: "15 % less, 22 200" },
];
const goals = asked.flatMap(({ target, metric, variant, aim }) => {
  const found = reports.find((report) => report.target === target);
  const { results = [] } = found?.metrics.find(({ name }) => name === metric) ?? {};
  const of = (name) => results.find((result) => result.variant === name);
  const [classic, own] = [of("classic"), of(variant)];
  if (own?.ratio === undefined) return [];
  const less = (ratio) => `${(100 * (1 - ratio)).toFixed(1)} %`;
  const { value, low, high } = own.ratio;
  const interval = low === high ? "" : ` (${less(high)} to ${less(low)})`;
  const measured = [classic.median.toFixed(0), aim, own.median.toFixed(0), less(value) + interval];
  const row = [metric, variant, ...measured];
  return [`| ${row.join(" | ")} |\n`];
});
const sections = reports.map((report) => `## ${report.target}\n\n${formatMarkdown(report, 3)}`);
const text = `# What binding and ring 0 bring

Written by \`npm run bench:docs\` from the reports in \`docs/bench/\`, which \`ukl bench --json\` printed. \`unikernel\` runs
the program in ring 0 with its system calls bound, \`shortcuts\` takes the kernel's shortcuts as well, \`unbound\` runs in
ring 0 with the instructions, \`classic\` in ring 3.

| instructions | variant | classic | asked | measured | less than classic |
| --- | --- | ---: | --- | ---: | --- |
${goals.join("")}
How much of a pipe's and of a request's instructions calls are, and so the most that binding can save of them, is measured
in [calls.md](calls.md#where-a-requests-instructions-go). What shortcuts save of a request beyond that is of its wait: with
one CPU, [nothing else to run](calls.md#shortcuts), and the scheduler left out.

${list(notes)}
${sections.join("\n")}`;
writeFileSync(new URL("../docs/bench.md", import.meta.url), text);
