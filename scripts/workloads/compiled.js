// SPDX-License-Identifier: MIT
// One small program in C, Go and Rust, linked in the ways that matter: it reads a file, starts threads, talks to
// itself over loopback, and sleeps. Static C and Rust programs are linked once more with the mark (marker.c).
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const source = (name) => fileURLToPath(new URL(`programs/${name}`, import.meta.url));
const marker = fileURLToPath(new URL("support/marker.c", import.meta.url));
const wrapMain = "-Wl,--wrap=main";

const c = (tool, ...args) => ({
  tool,
  args: ["-O2", "-pthread", source("exercise.c"), ...args],
  mark: (object) => [object, wrapMain],
});
const rust = (...args) => ({
  tool: "rustc",
  args: ["-O", source("exercise.rs"), ...args],
  mark: (object) => ["-C", `link-arg=${object}`, "-C", `link-arg=${wrapMain}`],
});
// What Go links statically has no C main to mark.
const go = (file, useC) => ({ tool: "go", args: ["build"], last: source(file), env: { CGO_ENABLED: useC } });

const builds = {
  "c-dynamic": c("gcc"),
  "c-static": c("gcc", "-static"),
  "c-static-pie": c("gcc", "-static-pie", "-fPIE"),
  "c-static-stripped": c("gcc", "-static", "-s"),
  "c-musl-static": c("musl-gcc", "-static"),
  "go-static": go("exercise.go", "0"),
  "go-cgo": go("exercise-cgo.go", "1"),
  "rust-dynamic": rust(),
  "rust-static": rust("-C", "target-feature=+crt-static"),
};

export const workloads = Object.entries(builds).map(([name, build]) => ({
  name,
  prepare: (directory) => compile(name, build, directory),
  run: (context) => context.trace([source("exercise.c")]),
}));

/** Builds what is not there yet, and says which file to inspect and, for a static one, which to look for main in. */
function compile(name, build, directory) {
  const binary = join(directory, name);
  call(build, binary, []);
  if (build.mark === undefined || !name.includes("static")) return { binary };
  const object = join(directory, "marker.o");
  call({ tool: "gcc", args: ["-O2", "-fPIE", "-DMARK_BY_WRAP", "-c", marker] }, object, []);
  const markedBinary = join(directory, `${name}-marked`);
  call(build, markedBinary, build.mark(object));
  return { binary, markedBinary };
}

function call({ tool, args, env = {}, last }, output, more) {
  if (existsSync(output)) return;
  const all = [...args, ...more, "-o", output, ...(last === undefined ? [] : [last])];
  execFileSync(tool, all, { env: { ...process.env, ...env }, stdio: ["ignore", "inherit", "inherit"] });
}
