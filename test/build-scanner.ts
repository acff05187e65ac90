// SPDX-License-Identifier: MIT
/** Compiles the scanner before tests, when it is not there or older than its source. */
import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

export default function buildScanner(): void {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const changedMs = (name: string) =>
    statSync(`${root}/scanner/${name}`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = readdirSync(`${root}/scanner`).filter((name) => name.endsWith(".ts"));
  if (sources.every((name) => changedMs(name) <= changedMs("scanner.wasm"))) return;
  execFileSync("npm", ["run", "--silent", "build:scanner"], { cwd: root, stdio: "inherit" });
}
