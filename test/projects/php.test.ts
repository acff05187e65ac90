// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { commandOf, planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

const php = (paths = "") => ({ php: `test "$1" = --version && echo 'PHP 8.2.1 (cli)' || echo "${paths}"` });

test.each<[what: string, files: Record<string, string>, command: string[]]>([
  ["the front controller below public", { "public/index.php": "", "index.php": "" }, ["./public"]],
  ["index.php", { "index.php": "" }, ["."]],
  ["a router", { "public/index.php": "", "router.php": "" }, ["./public", "./router.php"]],
])("PHP's own server starts with %s", async (_, files, command) => {
  onlyPrograms(php());
  const directory = make(files);
  expect(await commandOf(directory)).toEqual(["-S", "0.0.0.0:8000", "-t", ...command]);
  expect((await planOf(directory)).ports).toEqual([8000]);
});

test("a single file comes with what it mentions, and with what those mention", async () => {
  const other = make({ "x.ini": "", "extensions/pdo.so": "" });
  onlyPrograms(php([join(other, "x.ini"), join(other, "extensions"), "/usr/lib", "."].join("\n")));
  const directory = make({
    "job.php": `<?php require __DIR__ . "/one.php"; readfile('data/list.txt'); // two.php is not needed\n`,
    "one.php": "<?php include 'three.inc'; include 'one.php';",
    "two.php": "",
    "three.inc": "",
    "data/list.txt": "",
    "job.txt": "",
  });
  expect(await commandOf(directory, "job.php")).toEqual(["./job.php"]);
  const { files } = await planOf(directory, "job.php");
  expect(files.flatMap(({ paths }) => [...paths].sort())).toEqual([
    ...["job.php", "data", "one.php", "three.inc"].map((name) => join(directory, name)),
    join(other, "extensions"),
    join(other, "x.ini"),
  ]);
});

test("packages that were not installed are named", async () => {
  onlyPrograms(php());
  const manifest = { require: { php: ">=8", "ext-pdo": "*", "slim/slim": "4", "slim/psr7": "1" } };
  const files = { "public/index.php": "", "composer.json": JSON.stringify(manifest) };
  const directory = make(files);
  expect(await refusal(directory)).toEqual([
    "UKL-242",
    "composer.json requires slim/slim and 1 more, and there is no vendor/autoload.php",
    `run 'composer install' in ${directory}`,
  ]);
  expect(await refusal(make({ ...files, "vendor/autoload.php": "" }))).toEqual([]);
  const alone = JSON.stringify({ require: { php: ">=8", "ext-json": "*" } });
  expect(await refusal(make({ "index.php": "", "composer.json": alone }))).toEqual([]);
});

test.each(["{", "[]", '{"require": {"slim/slim": 4}}'])("composer.json that is damaged: %s", async (text) => {
  const [code, cause, fix] = await refusal(make({ "index.php": "", "composer.json": text }));
  expect([code, fix]).toEqual(["UKL-242", "correct composer.json"]);
  expect(cause).toMatch(/^composer\.json: /);
});

test("a machine without PHP says how to get it", async () => {
  onlyPrograms({});
  const [code, , fix] = await refusal(make({ "index.php": "" }));
  expect([code, fix]).toEqual(["UKL-242", "install it, for example by 'apt-get install php-cli'"]);
});
