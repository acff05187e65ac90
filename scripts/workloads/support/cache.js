// SPDX-License-Identifier: MIT
// Keeps what was seen of a program: NAME.all and NAME.main, one name a line, and NAME.sha256 of the binary, so that
// an upgraded package is traced again.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The kept traces of this very binary, or undefined. Without `main` where the trace has no mark. */
export function readCachedTrace(directory, { name, binary }) {
  const file = (kind) => join(directory, `${name}.${kind}`);
  if (!existsSync(file("sha256")) || readFileSync(file("sha256"), "utf8").trim() !== digestOf(binary))
    return undefined;
  const read = (kind) => new Set(readFileSync(file(kind), "utf8").split("\n").filter(Boolean));
  return { all: read("all"), ...(existsSync(file("main")) && { main: read("main") }) };
}

export function writeCachedTrace(directory, { name, binary }, seen) {
  const file = (kind) => join(directory, `${name}.${kind}`);
  for (const kind of ["all", "main"]) {
    if (seen[kind] === undefined) rmSync(file(kind), { force: true });
    else
      writeFileSync(
        file(kind),
        [...seen[kind]]
          .sort()
          .map((call) => `${call}\n`)
          .join(""),
      );
  }
  writeFileSync(file("sha256"), `${digestOf(binary)}\n`); // last: it makes the others valid
}

function digestOf(path) {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
