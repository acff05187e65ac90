// SPDX-License-Identifier: MIT
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { commandOf, planOf, refusal, workshop } from "../support/projects.js";

const { make, dispose } = workshop();
afterAll(dispose);

const manifest = (value: object) => JSON.stringify(value);

describe("a directory of Node is started by", () => {
  test.each<[what: string, files: Record<string, string>, command: string[]]>([
    [
      "its start script",
      {
        "package.json": manifest({ scripts: { start: "node --no-warnings lib/x.js -p 80" } }),
        "lib/x.js": "",
        "server.js": "",
      },
      ["--no-warnings", "./lib/x.js", "-p", "80"],
    ],
    [
      "its start script, that names a module as Node does",
      { "package.json": manifest({ scripts: { start: "node ./lib" } }), "lib/index.js": "" },
      ["./lib/index.js"],
    ],
    ["main", { "package.json": manifest({ main: "x.mjs" }), "x.mjs": "", "index.js": "" }, ["./x.mjs"]],
    [
      "its only program",
      { "package.json": manifest({ name: "tool", bin: "cli.js" }), "cli.js": "" },
      ["./cli.js"],
    ],
    ["the file that is usual", { "app.cjs": "" }, ["./app.cjs"]],
  ])("%s", async (_, files, command) => {
    expect(await commandOf(make(files))).toEqual(command);
  });

  test("a package's program, with all that is there", async () => {
    const directory = make({
      "package.json": manifest({ scripts: { start: "NODE_ENV=production serve --port 80" } }),
      "node_modules/serve/package.json": manifest({ name: "serve", bin: "cli.js" }),
      "node_modules/serve/cli.js": "#!/usr/bin/env node\n",
    });
    mkdirSync(join(directory, "node_modules/.bin"));
    symlinkSync("../serve/cli.js", join(directory, "node_modules/.bin/serve"));
    expect(await commandOf(directory)).toEqual(["./node_modules/.bin/serve", "--port", "80"]);
    const { environment, files } = await planOf(directory);
    expect(environment).toEqual({ NODE_ENV: "production" });
    expect(files.flatMap(({ paths }) => paths)).toEqual([directory]);
  });
});

test("the modules that are imported come, in each form that Node's versions choose, and others do not", async () => {
  const directory = make({
    "server.mjs": `import one from "one"; import("./lazy.mjs"); one();`,
    "lazy.mjs": `import { readFileSync } from "node:fs"; readFileSync(new URL("./data.txt", import.meta.url));`,
    "data.txt": "x",
    "unused.mjs": "",
    "node_modules/one/package.json": manifest({
      name: "one",
      exports: {
        ".": [{ "module-sync": "./sync.mjs", import: "./import.mjs", default: "./index.js" }, "./index.js"],
      },
    }),
    "node_modules/one/sync.mjs": "export default () => 1;",
    "node_modules/one/import.mjs": "export default () => 2;",
    "node_modules/one/index.js": "",
    "node_modules/other/package.json": manifest({ name: "other" }),
    "node_modules/other/index.js": "",
  });
  const { files } = await planOf(directory, "server.mjs");
  const paths = files.flatMap((group) => group.paths).map((path) => path.slice(directory.length + 1));
  const needed = ["server.mjs", "lazy.mjs", "data.txt", "node_modules/one/package.json"];
  for (const path of [...needed, "node_modules/one/sync.mjs", "node_modules/one/import.mjs"])
    expect(paths).toContain(path);
  expect(paths.filter((path) => /unused|other/.test(path))).toEqual([]);
});

test("a module that is imported and not installed is named, since some are optional", async () => {
  const directory = make({ "server.js": "try { require('absent') } catch {}" });
  expect((await planOf(directory)).notUnderstood).toEqual([
    "the module absent, which is imported and not installed",
  ]);
});

test("options of a script's first line count", async () => {
  const directory = make({ "x.js": "#!/usr/bin/env -S node --no-warnings  --expose-gc\n" });
  expect(await commandOf(directory, "x.js")).toEqual(["--no-warnings", "--expose-gc", "./x.js"]);
});

test("ports are read from the file that is started", async () => {
  const directory = make({ "server.js": "app.listen(process.env.PORT || 3000); other.listen(8081)" });
  expect((await planOf(directory)).ports).toEqual([3000, 8081]);
});

test("scripts beside the start script are not executed, and are named", async () => {
  const scripts = { start: "node x.js", prestart: "node build.js" };
  const directory = make({ "package.json": manifest({ scripts }), "x.js": "" });
  expect((await planOf(directory)).notUnderstood.join()).toContain("prestart");
});

describe("is refused, with what to do", () => {
  test.each<[what: string, files: Record<string, string>, code: string, cause: RegExp, fix: RegExp]>([
    [
      "two files that are usual",
      { "server.js": "", "app.js": "" },
      "UKL-241",
      /server\.js.*app\.js/,
      /name the file/,
    ],
    [
      "two programs",
      { "package.json": manifest({ bin: { a: "a.js", b: "b.js" } }), "a.js": "", "b.js": "" },
      "UKL-241",
      /a\.js.*b\.js/,
      /name the file/,
    ],
    [
      "a start script for a shell",
      { "package.json": manifest({ scripts: { start: "npm run build && node x.js" } }), "x.js": "" },
      "UKL-242",
      /only a shell/,
      /name the file/,
    ],
    [
      "packages that are not installed",
      {
        "package.json": manifest({ main: "x.js", dependencies: { left: "1" } }),
        "x.js": "",
        "pnpm-lock.yaml": "",
      },
      "UKL-242",
      /depends on left, not installed/,
      /'pnpm install'/,
    ],
    [
      "a start script of a package that is not installed",
      {
        "package.json": manifest({ scripts: { start: "next start" }, dependencies: { next: "1" } }),
        "package-lock.json": "",
      },
      "UKL-242",
      /depends on next/,
      /'npm ci'/,
    ],
    [
      "a file that is not there",
      { "package.json": manifest({ scripts: { start: "node dist/x.js" } }) },
      "UKL-242",
      /no dist\/x\.js/,
      /build/,
    ],
    [
      "a damaged manifest",
      { "package.json": "{", "server.js": "" },
      "UKL-242",
      /no JSON|expected object/i,
      /package\.json/,
    ],
    ["nothing", { "notes.txt": "" }, "UKL-240", /notes\.txt/, /ukl\.config/],
  ])("%s", async (_, files, code, cause, fix) => {
    const [found, why = "", remedy = ""] = await refusal(make(files));
    expect(found).toBe(code);
    expect(why).toMatch(cause);
    expect(remedy).toMatch(fix);
  });
});
