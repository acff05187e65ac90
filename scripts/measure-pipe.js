// SPDX-License-Identifier: MIT
// Measures where the instructions of a write and a read of one byte on a pipe go, in ring 3, bound, and with shortcuts:
// what binding can change, and what is the kernel's own work. With --write the table goes into docs/calls.md.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compilePlugin, profileArguments, readProfile } from "../dist/bench/plugins.js";
import { parseElf } from "../dist/elf/file.js";
import { run } from "../dist/run.js";
import { byFunction } from "./measure/profile.js";
import { formatTable } from "./measure/table.js";

const ukl = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const source = fileURLToPath(new URL("measure/pipe-loop.c", import.meta.url));
const document = new URL("../docs/calls.md", import.meta.url);
const [heading, next] = ["## Where a pipe's instructions go", "## Measured"];
/** Runs of two lengths differ by the loop alone. */
const [few, many] = [1000, 11_000];
/** An address that nothing comes to. */
const nowhere = 1n;
const variants = {
  classic: ["--mode", "classic"],
  "unikernel, bound": [],
  "with shortcuts": ["--shortcuts"],
};
/** Parts of the work, by the functions that do it; what no part has is the program's and its library's. */
const parts = {
  "way in and out":
    /^(ukl_call|entry_|do_syscall|x64_sys_call|syscall_|swapgs_|arch_exit|__x64_sys|\(other\))/,
  "file of the number, position": /^(ksys_|fdget|fdput|__fget|ukl_(read|write)$)/,
  "checks in front of the file": /^(vfs_|rw_verify|fsnotify|init_sync_kiocb|__access_ok)/,
  pipe: /^(pipe_|anon_pipe|mutex_|kill_fasync|_raw_spin)/,
  "copying the byte": /copy|rep_movs|kmap/,
  "times of the file": /time|ktime|make_vfs/,
  "waking the other end": /wake/,
};

const scratch = mkdtempSync(join(tmpdir(), "ukl-pipe-"));
try {
  const plugin = await compilePlugin("boot-profile", scratch);
  const columns = [];
  for (const flags of Object.values(variants)) columns.push(await measure(plugin, flags));
  const rows = [...Object.keys(parts), "program and C library", "in all"].map((part) => [
    part,
    ...columns.map((column) => Math.round(column.get(part) ?? 0)),
  ]);
  const table = formatTable(["instructions", ...Object.keys(variants)], rows);
  process.stdout.write(table);
  if (process.argv.includes("--write")) writeInto(table);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** The instructions of one write and read, by part. */
async function measure(plugin, flags) {
  const imagePath = join(scratch, "pipe.elf");
  const args = [ukl, "build", source, "--kernel", "generic", "-o", imagePath, ...flags];
  execFileSync(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  const image = parseElf(readFileSync(imagePath), imagePath);
  const profile = async (count) => {
    const output = join(scratch, "profile");
    const machine = {
      ...{ imagePath, accelerator: "tcg", env: {}, args: [String(count)], net: "none" },
      instructionCount: true,
      qemuArguments: profileArguments(plugin, output, [nowhere]),
    };
    const { exitStatus } = await run(machine, { timeoutMs: 120_000, onConsole: () => undefined });
    if (exitStatus !== 0) throw new Error(`the program ended with ${exitStatus}`);
    return new Map(byFunction((await readProfile(output)).blocks, image));
  };
  const [before, after] = [await profile(few), await profile(many)];
  const sums = new Map();
  const add = (part, count) => sums.set(part, (sums.get(part) ?? 0) + count);
  for (const [name, count] of after) {
    const each = (count - (before.get(name) ?? 0)) / (many - few);
    const part = Object.keys(parts).find((known) => parts[known].test(name)) ?? "program and C library";
    add(part, each);
    add("in all", each);
  }
  return sums;
}

function writeInto(table) {
  const text = readFileSync(document, "utf8");
  const [head, rest] = text.split(heading);
  const tail = rest.slice(rest.indexOf(next));
  const prose = rest.slice(0, rest.indexOf("| instructions"));
  writeFileSync(document, `${head}${heading}${prose}${table}\n${tail}`);
}
