// SPDX-License-Identifier: MIT
// Measures where the instructions of a write and a read of one byte on a pipe go, in ring 3, bound, and with shortcuts:
// what binding can change, and what is the kernel's own work. With --write the table goes into docs/calls.md.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compilePlugin } from "../dist/bench/plugins.js";
import { run } from "../dist/run.js";
import { buildVariants, measureParts, partsTable, writeBelow } from "./measure/modes.js";

const source = fileURLToPath(new URL("measure/pipe-loop.c", import.meta.url));
const document = new URL("../docs/calls.md", import.meta.url);
/** The functions that do each part of the work. */
const parts = {
  "way in and out":
    /^(ukl_call|entry_|do_syscall|x64_sys_call|syscall_|swapgs_|arch_exit|__x64_sys|\(other\))/,
  "file of the number, position": /^(ksys_|fdget|fdput|__fget|ukl_(read|write)$)/,
  "checks in front of the file": /^(vfs_|rw_verify|fsnotify|init_sync_kiocb|__access_ok)/,
  "times of the file": /time|ktime|make_vfs|modified/,
  pipe: /^(pipe_|anon_pipe|mutex_|kill_fasync|_raw_spin)/,
  "copying the byte": /copy|rep_movs|kmap/,
  "waking the other end": /wake/,
};

const scratch = mkdtempSync(join(tmpdir(), "ukl-pipe-"));
try {
  const plugin = await compilePlugin("boot-profile", scratch);
  const columns = [];
  for (const imagePath of buildVariants(source, scratch)) {
    const rest = "program and C library";
    columns.push(
      await measureParts({ imagePath, plugin, scratch, parts, rest, counts: [1000, 11_000], live }),
    );
  }
  const table = partsTable(columns);
  process.stdout.write(table);
  if (process.argv.includes("--write")) writeBelow(document, "## Where a pipe's instructions go", table);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function live(imagePath, count, qemuArguments) {
  const machine = { imagePath, accelerator: "tcg", env: {}, args: [String(count)], net: "none" };
  const { exitStatus } = await run(
    { ...machine, instructionCount: true, qemuArguments },
    { timeoutMs: 120_000, onOutput: () => undefined },
  );
  if (exitStatus !== 0) throw new Error(`the program ended with ${exitStatus}`);
}
