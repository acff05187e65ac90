// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

const go = { go: "echo 'go version go1.22.3 linux/amd64'" };
const main = "package main\n\nfunc main() {}\n";

test.each<[what: string, files: Record<string, string>, name: string, built: string]>([
  [
    "beside go.mod",
    { "go.mod": "module x.org/y/tool/v2\n", "a.go": "package tool_test", "main.go": main },
    "tool",
    ".",
  ],
  [
    "in cmd",
    { "go.mod": "module x.org/lib\n", "lib.go": "package lib\n", "cmd/web/x.go": main },
    "web",
    "./cmd/web",
  ],
])("the package main that is %s is built, into a directory of its project", async (_, files, name, built) => {
  const programs = onlyPrograms(go);
  const directory = make(files);
  const plan = await planOf(directory);
  expect(plan.program).toMatch(new RegExp(`/projects/[0-9a-f]{16}/${name}$`));
  expect(plan.steps).toEqual([
    { tool: join(programs, "go"), args: ["build", "-o", plan.program, built], cwd: directory },
  ]);
  expect([plan.name, plan.args, plan.runtime]).toEqual([name, [], undefined]);
  const other = await planOf(make(files));
  expect(other.program).not.toBe(plan.program);
});

test("what is no source comes along", async () => {
  onlyPrograms(go);
  const directory = make({
    ...{ "go.mod": "module x\n", "go.sum": "", "main.go": main, "internal/a.go": "", "vendor/b.go": "" },
    ...{ "templates/index.html": "", "config.yaml": "" },
  });
  expect((await planOf(directory)).files.flatMap(({ paths }) => paths)).toEqual(
    ["config.yaml", "templates"].map((name) => join(directory, name)),
  );
});

test("tests and libraries are no programs, and several programs are several ways", async () => {
  const library = make({ "go.mod": "module x\n", "x.go": "package x\n", "x_test.go": main });
  expect((await refusal(library))[0]).toBe("UKL-240");
  const several = make({ "go.mod": "module x\n", "cmd/a/main.go": main, "cmd/b/main.go": main });
  const [code, cause] = await refusal(several);
  expect(code).toBe("UKL-241");
  expect(cause).toMatch(/cmd\/a.*cmd\/b/);
  // One is named by its directory.
  const programs = onlyPrograms(go);
  const { steps, program, name } = await planOf(several, "cmd/b");
  const args = ["build", "-o", program, "."];
  expect(steps).toEqual([{ tool: join(programs, "go"), args, cwd: join(several, "cmd/b") }]);
  expect(name).toBe("b");
});

test("a single file is built alone", async () => {
  onlyPrograms(go);
  const directory = make({ "hello.go": main, "x.txt": "" });
  const { steps, files, name } = await planOf(directory, "hello.go");
  expect([steps[0]?.args.at(-1), files, name]).toEqual(["hello.go", [], "hello"]);
});

test("a machine without Go", async () => {
  onlyPrograms({});
  const [code, cause, fix] = await refusal(make({ "go.mod": "module x\n", "main.go": main }));
  expect([code, fix]).toEqual(["UKL-242", "install it, for example by 'apt-get install golang-go'"]);
  expect(cause).toContain("this machine has no go");
});
