// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

const cargo = { cargo: "echo 'cargo 1.70.0'", rustc: "echo 'rustc 1.70.0'" };
const manifest = (name: string, more = "") => `[package]\nname = "${name}"\nversion = "0.1.0"\n${more}`;

test.each<[what: string, files: Record<string, string>, name: string]>([
  ["src/main.rs has the package's name", { "Cargo.toml": manifest("web"), "src/main.rs": "" }, "web"],
  ["src/bin has names of its own", { "Cargo.toml": manifest("web"), "src/bin/tool.rs": "" }, "tool"],
  [
    "[[bin]] names src/main.rs otherwise",
    { "Cargo.toml": manifest("web", `[[bin]]\nname = "webd"\npath = "src/main.rs"\n`), "src/main.rs": "" },
    "webd",
  ],
  [
    "default-run chooses",
    { "Cargo.toml": manifest("web", `default-run = "b"\n`), "src/bin/a.rs": "", "src/bin/b.rs": "" },
    "b",
  ],
])("Cargo makes the program: %s", async (_, files, name) => {
  const programs = onlyPrograms(cargo);
  const directory = make(files);
  const plan = await planOf(directory);
  const [target = ""] = /^.*\/projects\/[0-9a-f]{16}\/target/.exec(plan.program) ?? [];
  expect(plan.program).toBe(`${target}/release/${name}`);
  const args = ["build", "--release", "--package", "web", "--bin", name, "--target-dir", target];
  expect(plan.steps).toEqual([{ tool: join(programs, "cargo"), args, cwd: directory }]);
});

test("the program of a workspace's member is made, and libraries are none", async () => {
  onlyPrograms(cargo);
  const directory = make({
    "Cargo.toml": `[workspace]\nmembers = ["crates/*"]\n`,
    "crates/lib/Cargo.toml": manifest("lib"),
    "crates/lib/src/lib.rs": "",
    "crates/app/Cargo.toml": manifest("app"),
    "crates/app/src/main.rs": "",
    "static/index.html": "",
  });
  const { steps, files } = await planOf(directory);
  expect(steps[0]?.args.slice(0, 6)).toEqual(["build", "--release", "--package", "app", "--bin", "app"]);
  expect(files.flatMap(({ paths }) => paths)).toEqual([join(directory, "static")]);
});

test("several programs are several ways", async () => {
  const directory = make({ "Cargo.toml": manifest("web"), "src/bin/a.rs": "", "src/bin/b.rs": "" });
  expect((await refusal(directory))[0]).toBe("UKL-241");
  // One is named by its source, and Cargo still makes it.
  onlyPrograms(cargo);
  const { steps } = await planOf(directory, "src/bin/b.rs");
  expect(steps[0]?.args.slice(0, 6)).toEqual(["build", "--release", "--package", "web", "--bin", "b"]);
  expect(steps[0]?.cwd).toBe(directory);
});

test.each([
  ["[package", /^Cargo\.toml: line 1: it is no TOML$/],
  ["[package]\nname = 3\n", /^Cargo\.toml: package\.name: /],
  [`[package]\nname = "../../x"\n`, /^Cargo\.toml: package\.name: /],
])("a Cargo.toml that is damaged: %j", async (text, cause) => {
  const found = await refusal(make({ "Cargo.toml": text, "src/main.rs": "" }));
  expect(found).toEqual(["UKL-242", expect.stringMatching(cause), "correct Cargo.toml"]);
});

test("a single file is compiled alone", async () => {
  onlyPrograms(cargo);
  const directory = make({ "my-tool.rs": "fn main() {}" });
  const { steps, program } = await planOf(directory, "my-tool.rs");
  expect(steps[0]?.args.at(-1)).toBe(join(directory, "my-tool.rs"));
  expect(program).toMatch(/\/my_tool$/);
});

test("a machine without Cargo", async () => {
  onlyPrograms({});
  const [code, , fix] = await refusal(make({ "Cargo.toml": manifest("a"), "src/main.rs": "" }));
  expect([code, fix]).toEqual(["UKL-242", "install it, for example by 'apt-get install cargo'"]);
});
