// SPDX-License-Identifier: MIT
import { afterAll, expect, test } from "vitest";
import { commandOf, planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

const deno = (cache = "") => ({
  deno: `test "$1" = info && echo '{"denoDir": "${cache}"}' || echo 'deno 2.1.0'`,
});

test("the start task is started, with the modules that were fetched", async () => {
  const cache = make({ "npm/x": "" });
  onlyPrograms(deno(cache));
  const task =
    '{\n  // As JSONC has it.\n  "tasks": { "start": "A=1 deno run --allow-net src/web.ts", },\n}\n';
  const directory = make({ "deno.jsonc": task, "src/web.ts": "", "main.ts": "" });
  expect(await commandOf(directory)).toEqual(["run", "--allow-net", "src/web.ts"]);
  const { environment, files } = await planOf(directory);
  expect(environment).toEqual({ A: "1", DENO_DIR: cache });
  expect(files.flatMap(({ paths }) => paths)).toContain(cache);
});

test("main.ts is started where there is no task", async () => {
  onlyPrograms(deno());
  const text = '{"imports": {"x": "https://example.org/x.ts"}}';
  expect(await commandOf(make({ "deno.json": text, "main.ts": "" }))).toEqual(["run", "-A", "./main.ts"]);
});

test("a file that only Deno takes", async () => {
  onlyPrograms(deno());
  const directory = make({ "x.tsx": "Deno.serve(() => new Response());\n" });
  expect(await commandOf(directory, "x.tsx")).toEqual(["run", "-A", "./x.tsx"]);
});

test("what is Node's is left to Node", async () => {
  onlyPrograms({ ...deno(), node: "echo v24.0.0" });
  const directory = make({ "x.js": "console.log(1);\n" });
  expect((await planOf(directory, "x.js")).kind).toBe("node");
});

test("without Deno its configuration says what is missing, and files say nothing", async () => {
  onlyPrograms({ node: "echo v24.0.0" });
  const [code, cause] = await refusal(make({ "deno.json": "{}", "main.ts": "" }), undefined);
  expect([code, cause]).toEqual(["UKL-242", "Deno executes it, and this machine has no deno"]);
  const directory = make({ "x.js": "Deno.serve();\n" });
  expect((await planOf(directory, "x.js")).kind).toBe("node");
});

test.each(["{", '{"tasks": {"start": 3}}'])("a configuration that is damaged: %s", async (text) => {
  const directory = make({ "deno.json": text });
  expect((await refusal(directory)).slice(0, 2)).toEqual(["UKL-242", "deno.json: it is not understood"]);
});

test("a task that only a shell can execute", async () => {
  onlyPrograms(deno());
  const directory = make({ "deno.json": '{"tasks": {"start": "deno run a.ts | tee log"}}' });
  expect((await refusal(directory)).slice(0, 2)).toEqual([
    "UKL-242",
    "only a shell can execute it: deno run a.ts | tee log",
  ]);
});
