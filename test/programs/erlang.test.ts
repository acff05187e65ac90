// SPDX-License-Identifier: MIT
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { client, file, testCommand } from "../support/programs.js";

const root = "/usr/lib/erlang";

testCommand({
  name: "erlang",
  workload: "processes that send each other messages",
  async configuration(scratch) {
    await copyFile(file("sums.erl"), join(scratch, "sums.erl"));
    await client("erlc", "-o", scratch, join(scratch, "sums.erl"));
    const runtime = (await client("find", root, "-name", "beam.smp")).trim();
    const binaries = runtime.replace(/\/beam\.smp$/, "");
    const module = join(scratch, "sums.beam");
    return {
      program: runtime,
      // What the shell script that is called erl sets.
      env: { BINDIR: binaries, EMU: "beam", ROOTDIR: root, HOME: "/root" },
      args: [
        ...["--", "-root", root, "-bindir", binaries, "-progname", "erl", "--", "-home", "/root", "--"],
        ...["-noshell", "-pa", scratch, "-s", "sums", "main"],
      ],
      files: { include: { [module]: module } },
      run: { memory: "512M" },
    };
  },
});
