// SPDX-License-Identifier: MIT
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { client, file, testCommand } from "../support/programs.js";

testCommand({
  name: "a Rust program",
  workload: "threads, a panic that is caught, sleep",
  async configuration(scratch) {
    const program = join(scratch, "threads");
    await client("rustc", "-O", "-o", program, file("threads.rs"));
    return { program };
  },
});

testCommand({
  name: "a Haskell program",
  workload: "four threads of the runtime, collections",
  async configuration(scratch) {
    const program = join(scratch, "sums");
    await client("ghc", "-O", "-threaded", "-outputdir", scratch, "-o", program, file("sums.hs"));
    return { program };
  },
});

testCommand({
  name: "an OCaml program",
  workload: "a tree of 100 000 numbers, collections, exceptions",
  async configuration(scratch) {
    // The compiler writes beside its source.
    const [source, program] = [join(scratch, "trees.ml"), join(scratch, "trees")];
    await copyFile(file("trees.ml"), source);
    await client("ocamlopt", "-o", program, source);
    return { program };
  },
});
