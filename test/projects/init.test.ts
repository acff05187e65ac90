// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadConfiguration } from "../../src/config/load.js";
import { ukl } from "../support/cli.js";
import { planOf, workshop } from "../support/projects.js";

const { make, dispose } = workshop();
afterAll(dispose);

test("ukl init writes a configuration that says what the plan says, and does so once", async () => {
  const directory = make({
    "package.json": JSON.stringify({
      name: "@scope/shop",
      scripts: { start: "A='b c' node server.js --port 80" },
    }),
    "server.js": "require('one'); app.listen(3000);",
    "node_modules/one/package.json": '{"name":"one"}',
    "node_modules/one/index.js": "require('./more.js')",
    "node_modules/one/more.js": "",
  });
  const { stdout } = await ukl(["init"], { cwd: directory });
  expect(stdout).toBe("ukl.config.ts\n");
  const path = join(directory, "ukl.config.ts");
  const configuration = await loadConfiguration(path);
  const plan = await planOf(directory);
  expect(configuration).toMatchObject({
    name: "shop",
    program: plan.program,
    args: [join(directory, "server.js"), "--port", "80"],
    env: { A: "b c" },
    workingDirectory: directory,
    run: { ports: ["3000:3000"] },
  });
  const names = ["package.json", "server.js", "node_modules/one"].map((name) => join(directory, name));
  expect(configuration.files.include).toEqual(Object.fromEntries(names.map((name) => [name, name])));
  const before = readFileSync(path, "utf8");
  const again = await ukl(["init"], { cwd: directory });
  expect([again.exitStatus, again.stderr]).toEqual([69, expect.stringContaining("UKL-403")]);
  expect(readFileSync(path, "utf8")).toBe(before);
});

test("--plan prints kind, reason, runtime, command, files and ports, and builds nothing", async () => {
  const directory = make({ "server.js": "app.listen(8123)" });
  const { stdout, exitStatus } = await ukl(["run", "--plan", directory]);
  expect(exitStatus).toBe(0);
  expect(stdout.split("\n")[0]).toBe(directory);
  for (const line of [
    /kind +node/,
    /because +there is server\.js/,
    /runtime +Node \d+\.\d+/,
    /command +.*server\.js/,
    /1 file,/,
    /-p 8123:8123/,
  ])
    expect(stdout).toMatch(line);
});

test("a project's own configuration wins", async () => {
  const directory = make({ "server.js": "", "ukl.config.json": '{"program": "/bin/true", "args": ["own"]}' });
  const { stderr } = await ukl(["run", "--plan", directory]);
  expect(stderr).toContain("ukl.config.json says what is built");
});

test("ukl inspect tells of the program that a project is started with", async () => {
  const directory = make({ "start.sh": "#!/bin/sh\necho x\n", "index.html": "", "run.txt": "" });
  const site = await ukl(["inspect", directory]);
  expect([site.exitStatus, site.stderr]).toEqual([65, expect.stringContaining("UKL-241")]);
  const program = await ukl(["inspect", "--names", make({ "main.pl": "" })]);
  const perl = await ukl(["inspect", "--names", "perl"]);
  expect(program.stdout).toBe(perl.stdout);
});
