// SPDX-License-Identifier: MIT
// The files that variants are made of: each prints "started" and returns 7.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const source = (name) => fileURLToPath(new URL(name, import.meta.url));
const bare = ["-O1", "-nostdlib", "-ffreestanding", "-fno-stack-protector", source("bare.c")];
const program = ["-O1", source("program.c")];

/** Small ones are drawn more often, so that many fit into one guest. */
const recipes = [
  ["bare-static", "gcc", [...bare, "-static", "-no-pie"], 6],
  ["bare-pie", "gcc", [...bare, "-fPIE", "-static-pie", "-Wl,--no-dynamic-linker"], 4],
  ["bare-one-segment", "gcc", [...bare, "-static", "-no-pie", "-Wl,-N"], 4],
  ["bare-unaligned", "gcc", [...bare, "-static", "-no-pie", "-Wl,-n"], 4],
  ["bare-joined", "gcc", [...bare, "-static", "-no-pie", "-Wl,-z,noseparate-code"], 4],
  ["bare-lld", "clang", [...bare, "-static", "-fuse-ld=lld"], 6],
  ["bare-mold", "clang", [...bare, "-static", "-fuse-ld=mold"], 6],
  ["static", "gcc", [...program, "-static", "-no-pie"], 1],
  ["static-pie", "gcc", [...program, "-fPIE", "-static-pie"], 1],
  ["static-mold", "clang", [...program, "-static", "-fuse-ld=mold"], 1],
  ["dynamic", "gcc", [...program, "-no-pie"], 5],
  ["dynamic-pie", "gcc", program, 5],
  ["dynamic-lld", "clang", [...program, "-fuse-ld=lld"], 4],
  ["dynamic-mold", "clang", [...program, "-fuse-ld=mold"], 4],
];

/**
 * Links the files into `directory`.
 *
 * @param {string} directory
 * @returns {{ readonly name: string, readonly bytes: Buffer, readonly weight: number }[]}
 */
export function makeBases(directory) {
  return recipes.map(([name, compiler, args, weight]) => {
    const path = join(directory, String(name));
    execFileSync(String(compiler), [.../** @type {string[]} */ (args), "-o", path], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    return { name: String(name), bytes: readFileSync(path), weight: Number(weight) };
  });
}
