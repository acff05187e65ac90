// SPDX-License-Identifier: MIT
/** The files that are damaged: small ones often, those that bring all of glibc or Go's run time along now and then. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseElf } from "../../dist/elf/file.js";
import { randomFrom } from "../../test/support/random.js";
import { damage, openBase } from "./damage.js";

const source = (name) => fileURLToPath(new URL(name, import.meta.url));
const exercise = (name) => source(`../workloads/programs/${name}`);
const hello = source("../../fixtures/hello/hello.c");

/** `inspected` is another file that loads the damaged one. */
const bases = [
  { name: "static", weight: 30, tool: "musl-gcc", args: ["-O2", "-static", hello] },
  {
    name: "library.so",
    weight: 25,
    tool: "gcc",
    args: ["-O2", "-nostdlib", "-shared", "-fPIC", source("library.c")],
  },
  { name: "dynamic", weight: 15, tool: "gcc", args: ["-O2", "-nostdlib", source("program.c"), "library.so"] },
  { name: "needed.so", weight: 15, copyOf: "library.so", inspected: "user" },
  {
    name: "static-threads",
    weight: 5,
    tool: "musl-gcc",
    args: ["-O2", "-pthread", "-static", exercise("exercise.c")],
  },
  { name: "static-pie", weight: 4, tool: "gcc", args: ["-O2", "-static-pie", hello] },
  { name: "true", weight: 3, copyOf: "/bin/true" },
  { name: "go", weight: 3, tool: "go", args: ["build", "-ldflags=-s"], last: [exercise("exercise.go")] },
];

/** Makes them all in `directory`. */
export function makeBases(directory) {
  const options = { cwd: directory, stdio: ["ignore", "ignore", "inherit"] };
  for (const { name, tool, args, last = [], copyOf } of bases) {
    if (copyOf !== undefined) execFileSync("cp", [copyOf, name], options);
    else {
      const rpath = name === "dynamic" ? ["-Wl,-rpath,$ORIGIN/.."] : [];
      const env = { ...process.env, CGO_ENABLED: "0" };
      execFileSync(tool, [...args, "-o", name, ...rpath, ...last], { ...options, env });
    }
  }
  const link = [
    "-O2",
    "-nostdlib",
    source("program.c"),
    "needed.so",
    "-o",
    "user",
    "-Wl,-rpath,$ORIGIN/damaged",
  ];
  execFileSync("gcc", link, options);
}

/** What `damagedFile` chooses from. */
export function readBases(directory) {
  return bases.map(({ name, weight, inspected }) => ({
    name,
    weight,
    ...openBase(parseElf(readFileSync(join(directory, name)), name)),
    inspected: inspected === undefined ? undefined : join(directory, inspected),
  }));
}

/** The file of an index, always the same one. `inspected` is what to inspect; undefined: the damaged file itself. */
export function damagedFile(known, seed, index) {
  const random = randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index, 0x85ebca6b));
  const lots = known.flatMap((base) => new Array(base.weight).fill(base));
  const base = lots[random(lots.length)];
  const donor = known[random(known.length)];
  return { name: base.name, inspected: base.inspected, bytes: damage(base, donor, random) };
}
