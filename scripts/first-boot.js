// SPDX-License-Identifier: MIT
// The first thing a new user sees: one program, built and booted in both modes, side by side.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ukl = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const source = fileURLToPath(new URL("../fixtures/hello/hello.c", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "ukl-first-boot-"));

try {
  execFileSync(process.execPath, [ukl, "kernel", "build"], { stdio: "inherit" });
  const columns = ["unikernel", "classic"].map((mode) => {
    const image = join(scratch, `hello-${mode}.elf`);
    execFileSync(
      process.execPath,
      [ukl, "build", source, "--kernel", "generic", "--mode", mode, "-o", image],
      { stdio: "inherit" },
    );
    const begin = performance.now();
    const run = spawnSync(process.execPath, [ukl, "run", image, "--timeout", "60"], {
      encoding: "utf8",
      input: "",
    });
    const wallMs = Math.round(performance.now() - begin);
    if (run.status !== 0)
      throw new Error(`the ${mode} image ended with ${run.status}:\n${run.stdout}${run.stderr}`);
    return [mode, ...run.stdout.trimEnd().split("\n"), `exit status ${run.status}, ${wallMs} ms`];
  });
  const width = Math.max(...columns[0].map((line) => line.length)) + 4;
  const rows = columns[0].map((line, index) => `${line.padEnd(width)}${columns[1][index] ?? ""}`);
  process.stdout.write(`\n${rows.join("\n")}\n`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
