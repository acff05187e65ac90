// SPDX-License-Identifier: MIT
// Measures what an image costs before its program's main runs, and what it is made of: for the programs of
// measure/programs.js and both modes, or for those that are named. Prints the tables; with --write they become
// docs/image.md. What follows -- is passed on to `ukl build`.
//
//   node scripts/measure-image.js hello unikernel -- --kernel-option CONFIG_NET=n
//
// Sizes and instructions are the same on every machine; guest times differ by what the date is, in microseconds.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compilePlugin } from "../dist/bench/plugins.js";
import {
  assembleTimeTeller,
  imageThatTellsTime,
  leastMemoryMib,
  milestones,
  profileBoot,
  timeOfMain,
} from "./measure/machine.js";
import { imageParts } from "./measure/parts.js";
import { buildImage, programNames } from "./measure/programs.js";

const modeNames = ["unikernel", "classic"];
/** What was asked for hello in unikernel mode, in the units of the table. */
const asked = { bzImage: "1.0 MB", time: "20 ms", memory: "12 MiB", instructions: "15.0 M", elf: "3.0 MB" };
const functionsShown = 25;

const options = process.argv.slice(2);
const separator = options.indexOf("--");
const buildFlags = separator < 0 ? [] : options.slice(separator + 1);
const own = separator < 0 ? options : options.slice(0, separator);
const write = own.includes("--write");
const named = own.filter((option) => option !== "--write");
const unknown = named.filter((name) => ![...programNames, ...modeNames].includes(name));
if (unknown.length > 0)
  throw new Error(`'${unknown[0]}' is none of ${programNames.join(", ")}, unikernel, classic`);
const chosen = (all) =>
  all.some((name) => named.includes(name)) ? all.filter((name) => named.includes(name)) : all;
const [programs, modes] = [chosen(programNames), chosen(modeNames)];

const scratch = mkdtempSync(join(tmpdir(), "ukl-measure-image-"));
try {
  const tools = {
    plugin: await compilePlugin("boot-profile", scratch),
    timeTeller: assembleTimeTeller(scratch),
  };
  const results = [];
  for (const name of programs) {
    for (const mode of modes) {
      process.stderr.write(`${name}, ${mode}\n`);
      results.push(await measure(name, mode, tools));
    }
  }
  const text = report(results);
  if (write) writeFileSync(new URL("../docs/image.md", import.meta.url), text);
  process.stdout.write(text);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function measure(name, mode, { plugin, timeTeller }) {
  const path = join(scratch, `${name}-${mode}.elf`);
  const { manifest, bzImage } = buildImage(name, mode, path, buildFlags);
  const places = await milestones(path, manifest.application);
  const { before, functions } = await profileBoot(path, places, plugin, scratch);
  const tellsTime = imageThatTellsTime(path, places, timeTeller, scratch);
  return {
    name,
    mode,
    before,
    functions,
    bzImageBytes: statSync(bzImage).size,
    elfBytes: strippedBytes(path),
    timeNs: await timeOfMain(tellsTime),
    memoryMib: await leastMemoryMib(tellsTime),
    wholeRunMib: await leastMemoryMib(path),
    parts: imageParts(places.image, readFileSync(path).length),
  };
}

function strippedBytes(path) {
  const stripped = `${path}.stripped`;
  execFileSync("objcopy", ["--strip-all", path, stripped]);
  return statSync(stripped).size;
}

function report(results) {
  return `# What an image costs before main

Written by \`npm run measure:image -- --write\`. The asked values are those for hello, static glibc, in unikernel mode.
Times and instructions are those under \`-icount shift=0,sleep=off\` with 128 MiB: one instruction takes one
nanosecond of the guest's time, and the guest's time includes what it waits. They count from the reset of the machine,
firmware included, to the first instruction of the program's \`main\`; a repeated string instruction counts once a
repetition. MB and M are 10⁶.
${buildFlags.length === 0 ? "" : `\nBuilt with \`${buildFlags.join(" ")}\`.\n`}
${table(
  [
    "program",
    "mode",
    "bzImage",
    "stripped ELF image",
    "guest time to main",
    "instructions to main",
    "least memory to main",
    "least memory to its end",
  ],
  [
    ["*asked*", "", asked.bzImage, asked.elf, asked.time, asked.instructions, asked.memory, ""],
    ...results.map((result) => [
      result.name,
      result.mode,
      megabytes(result.bzImageBytes),
      megabytes(result.elfBytes),
      `${(result.timeNs / 1e6).toFixed(1)} ms`,
      millions(result.before.main),
      `${result.memoryMib} MiB`,
      `${result.wholeRunMib} MiB`,
    ]),
  ],
)}
## Where the instructions go

${table(
  [
    "program",
    "mode",
    "firmware",
    "kernel, until init",
    "init, until it says start",
    "fork and exec",
    "C library, until main",
  ],
  results.map((result) => {
    const { kernel, init, start, program, main } = result.before;
    const steps = [kernel, init - kernel, start - init, program - start, main - program];
    return [result.name, result.mode, ...steps.map(millions)];
  }),
)}
${results
  .filter(({ name }) => name === programs[0])
  .map(functionTable)
  .join("\n")}
## What the bytes of the ELF image are

${table(
  ["program", "mode", "part", "bytes"],
  results.flatMap(({ name, mode, parts }) =>
    parts.map(([part, bytes], index) => [
      index === 0 ? name : "",
      index === 0 ? mode : "",
      part,
      String(bytes),
    ]),
  ),
)}`;
}

function functionTable({ name, mode, before, functions }) {
  const rows = functions.slice(0, functionsShown);
  const rest = functions.slice(functionsShown).reduce((sum, [, count]) => sum + count, 0);
  return `${name}, ${mode}, by function:

${table(
  ["function", "instructions", "share"],
  [...rows, [`${functions.length - rows.length} others`, rest]].map(([label, count]) => [
    `\`${label}\``,
    String(count),
    `${((100 * count) / before.main).toFixed(1)} %`,
  ]),
)}`;
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |\n`;
  return [head, head.map(() => "---"), ...rows].map(line).join("");
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

function millions(count) {
  return `${(count / 1e6).toFixed(2)} M`;
}
