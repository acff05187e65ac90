// SPDX-License-Identifier: MIT
// The programs whose images are measured: fixtures, built as the boot tests build them, with the arguments of their
// first run in the image.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ukl = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

export const programNames = ["hello", "sqlite", "lua", "busybox-shell"];

/** Builds an image and its bzImage; `extra` are further flags of `ukl build`. */
export function buildImage(name, mode, output, extra) {
  const folder = fileURLToPath(new URL(`../../fixtures/${name}/`, import.meta.url));
  const fixture = JSON.parse(readFileSync(`${folder}fixture.json`, "utf8"));
  const { inputs, program, libraries = [], compileFlags = [], files = {}, runs } = fixture;
  const targets = inputs === undefined ? [program] : inputs.map((input) => folder + input);
  const flags = [
    ...libraries.flatMap((library) => ["-l", library]),
    ...compileFlags.map((flag) => `--cflag=${flag}`),
    ...Object.entries(files).flatMap(([guest, host]) => ["--include", `${guest}=${folder}${host}`]),
    ...Object.entries(runs[0].env ?? {}).flatMap((variable) => ["--env", variable.join("=")]),
  ];
  const args = ["build", ...targets, "--mode", mode, "-o", output, "--bzimage", "--json", ...flags, ...extra];
  const text = execFileSync(process.execPath, [ukl, ...args, "--", ...(runs[0].args ?? [])], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(text);
}
