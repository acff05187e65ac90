// SPDX-License-Identifier: MIT
// Compares what this host and what ukl do with variants of ELF files: what the host runs is inspected and laid out, what
// its kernel refuses is refused; what the host runs, guests run in both modes, with the same status; and images that
// `ukl build` makes of some of them do. Needs `npm run build`, gcc, clang, lld, mold and both generic kernels.
//
//   --count N    how many variants (2000), half of them with the fixed seed, half with a fresh one
//   --seed N     all of them with this seed
//   --index N    this one alone, with --seed; it is left in the working directory
//   --guests N   how many of them guests execute (600)
//   --images N   how many become images of their own (20)
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeBases } from "./elf-variants/bases.js";
import { bootImages, runInGuests } from "./elf-variants/guests.js";
import { executeHere } from "./elf-variants/host.js";
import { judge } from "./elf-variants/judge.js";
import { variantOf } from "./elf-variants/variant.js";

const fixedSeed = 20261130;
const { values: flags } = parseArgs({
  options: {
    count: { type: "string", default: "2000" },
    seed: { type: "string" },
    index: { type: "string" },
    guests: { type: "string", default: "600" },
    images: { type: "string", default: "20" },
  },
});

const directory = mkdtempSync(join(tmpdir(), "ukl-elf-variants-"));
const table = new Map();
const failures = [];
try {
  const bases = makeBases(directory);
  for (const [index, { outcome }] of executeHere(
    bases.map(({ bytes }) => bytes),
    directory,
  ).entries()) {
    if (outcome !== "runs") throw new Error(`${bases[index].name} does not run here`);
  }
  const variants = numbers().map(([seed, index]) => ({ seed, index, ...variantOf(bases, seed, index) }));
  if (flags.index !== undefined)
    writeFileSync(`variant-${variants[0].name}`, variants[0].bytes, { mode: 0o755 });
  const here = executeHere(
    variants.map(({ bytes }) => bytes),
    directory,
  );
  const judged = [];
  for (const [index, variant] of variants.entries()) {
    const host = here[index];
    const ours = await judge(join(directory, variant.name), variant.bytes);
    count(`${host.outcome} here, ${ours.outcome} by ukl`);
    if (host.outcome === "runs" && ours.outcome !== "taken")
      fail(variant, `runs here, and is refused: ${ours.reason}`);
    if (host.outcome === "refused" && ours.outcome === "taken") fail(variant, "is refused here, and taken");
    judged.push({ variant, host, ours });
  }
  for (const mode of ["unikernel", "classic"]) {
    for (const [{ variant, host }, guest] of runInGuests(
      mode,
      judged.slice(0, Number(flags.guests)),
      directory,
    )) {
      count(`${host.outcome} here, ${guest.outcome} in ${mode}`);
      if (host.outcome !== guest.outcome)
        fail(variant, `status ${host.status} here, ${guest.status} in ${mode}`);
    }
  }
  const running = judged.filter(({ host }) => host.outcome === "runs");
  for (const { variant, problem } of bootImages(running.slice(0, Number(flags.images)), directory)) {
    count(problem === undefined ? "runs here, runs as an image" : "runs here, fails as an image");
    if (problem !== undefined) fail(variant, problem);
  }
  report(variants.length);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** Seed and index of each variant. */
function numbers() {
  const first = Number(flags.index ?? 0);
  const many = flags.index === undefined ? Number(flags.count) : 1;
  if (flags.seed !== undefined)
    return Array.from({ length: many }, (_, index) => [Number(flags.seed), first + index]);
  const fresh = Date.now() % 1_000_000;
  return Array.from({ length: many }, (_, index) => [index % 2 === 0 ? fixedSeed : fresh, index >> 1]);
}

function count(row) {
  table.set(row, (table.get(row) ?? 0) + 1);
}

function fail({ seed, index, name, changes }, what) {
  const again = `npm run test:elf-variants -- --seed ${seed} --index ${index}`;
  failures.push(`${name}: ${what}\n  ${changes.join("\n  ")}\n  ${again}`);
  process.stdout.write(`${failures.at(-1)}\n`);
}

function report(variants) {
  const rows = [...table].sort(([left], [right]) => (left < right ? -1 : 1));
  for (const [what, many] of rows) process.stdout.write(`${String(many).padStart(6)}  ${what}\n`);
  process.stdout.write(`${variants} variants, ${failures.length} failures\n`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
