// SPDX-License-Identifier: MIT
// Where the instructions of a piece of work go, in each way of making system calls: what bench/plugins/boot-profile.c
// counts while the work is done a few times and many times, by parts that names of functions tell.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { profileArguments, readProfile } from "../../dist/bench/plugins.js";
import { parseElf } from "../../dist/elf/file.js";
import { byFunction } from "./profile.js";
import { formatTable } from "./table.js";

const ukl = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
/** An address that nothing comes to: the whole life of the machine is counted. */
const nowhere = 1n;
const variants = {
  classic: ["--mode", "classic"],
  "unikernel, bound": [],
  "with shortcuts": ["--shortcuts"],
};

/** An image of each variant, with the generic kernel: [path]. */
export function buildVariants(target, scratch) {
  return Object.values(variants).map((flags, index) => {
    const imagePath = join(scratch, `${index}.elf`);
    const args = [ukl, "build", target, "--kernel", "generic", "-o", imagePath, ...flags];
    execFileSync(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
    return imagePath;
  });
}

/**
 * The instructions of one piece of work, by part. `live` runs the image with QEMU's arguments until so many pieces are
 * done, and the machine has ended by itself; runs of two lengths differ by the work alone.
 */
export async function measureParts({ imagePath, plugin, scratch, parts, rest, counts: [few, many], live }) {
  const image = parseElf(readFileSync(imagePath), imagePath);
  const profile = async (count) => {
    const output = join(scratch, "profile");
    await live(imagePath, count, profileArguments(plugin, output, [nowhere]));
    return new Map(byFunction((await readProfile(output)).blocks, image));
  };
  const [before, after] = [await profile(few), await profile(many)];
  const sums = new Map([...Object.keys(parts), rest, "in all"].map((part) => [part, 0]));
  for (const [name, count] of after) {
    const each = (count - (before.get(name) ?? 0)) / (many - few);
    const part = Object.keys(parts).find((known) => parts[known].test(name)) ?? rest;
    for (const sum of [part, "in all"]) sums.set(sum, sums.get(sum) + each);
  }
  return sums;
}

/** A row for each part, a column for each variant. */
export function partsTable(columns) {
  const rows = [...columns[0].keys()].map((part) => [
    part,
    ...columns.map((column) => Math.round(column.get(part))),
  ]);
  return formatTable(["instructions", ...Object.keys(variants)], rows);
}

/** Puts the table in the place of the first one between the heading and the next, or behind what is there. */
export function writeBelow(document, heading, table) {
  const [head, rest] = readFileSync(document, "utf8").split(`${heading}\n`);
  const end = /^#+ /m.exec(rest)?.index ?? rest.length;
  const [section, behind] = [rest.slice(0, end), rest.slice(end)];
  const old = /(?:^\|[^\n]*\n)+/m;
  const text = old.test(section)
    ? section.replace(old, () => table)
    : `\n${`${section.trim()}\n\n`.trimStart()}${table}${behind === "" ? "" : "\n"}`;
  writeFileSync(document, `${head}${heading}\n${text}${behind}`);
}
