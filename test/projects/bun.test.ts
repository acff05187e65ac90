// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

const bun = { bun: "echo 1.1.0" };

test.each<[what: string, manifest: object, files: string[], args: string[]]>([
  ["the start script", { scripts: { start: "bun run src/web.ts" } }, [], ["run", "src/web.ts"]],
  ["the module that it names", { module: "web.ts" }, ["web.ts", "index.ts"], ["web.ts"]],
  ["index.ts", {}, ["index.ts"], ["index.ts"]],
])("Bun starts %s of a project that it locked", async (_, manifest, files, args) => {
  const programs = onlyPrograms({ ...bun, node: "echo v24.0.0" });
  const texts = Object.fromEntries(files.map((name) => [name, ""]));
  const directory = make({ "bun.lock": "", "package.json": JSON.stringify(manifest), ...texts });
  const plan = await planOf(directory, undefined, "bun");
  expect([plan.program, plan.args]).toEqual([join(programs, "bun"), args]);
});

test("what bun.lock names has to be installed", async () => {
  onlyPrograms(bun);
  const manifest = JSON.stringify({ module: "web.ts", dependencies: { hono: "4" } });
  const directory = make({ "bun.lock": "", "package.json": manifest, "web.ts": "" });
  expect((await refusal(directory)).slice(0, 3)).toEqual([
    "UKL-242",
    "what bun.lock names is not installed",
    `run 'bun install' in ${directory}`,
  ]);
});

test("without Bun, or without its lock, Node takes it", async () => {
  const files = { "package.json": "{}", "index.js": "" };
  onlyPrograms({ node: "echo v24.0.0" });
  expect((await planOf(make({ ...files, "bun.lock": "" }))).kind).toBe("node");
  onlyPrograms({ ...bun, node: "echo v24.0.0" });
  expect((await planOf(make(files))).kind).toBe("node");
});
